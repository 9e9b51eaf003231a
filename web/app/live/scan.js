// QR codes from the camera or a picture: by the browser's own reader where it has one, else by jsqr, which is fetched only then.

/** @typedef {(image: HTMLVideoElement | ImageBitmap) => Promise<string | null>} Reader */

const EVERY_MS = 120;
/** Larger pictures tell a reader nothing more. */
const LONGEST_SIDE = 1000;

/**
 * @returns {Promise<Reader>}
 */
export async function reader() {
  const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
  const formats = Detector ? await Detector.getSupportedFormats().catch(() => []) : [];
  if (formats.includes("qr_code")) {
    const detector = new Detector({ formats: ["qr_code"] });
    return async (image) => (await detector.detect(image))[0]?.rawValue ?? null;
  }
  await import(new URL("../vendor/jsqr.js", import.meta.url).href);
  const jsqr = /** @type {any} */ (globalThis).jsQR;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (image) => {
    const isVideo = image instanceof HTMLVideoElement;
    const [width, height] = isVideo ? [image.videoWidth, image.videoHeight] : [image.width, image.height];
    if (!width || !height || !context) return null;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return jsqr(data, canvas.width, canvas.height)?.data ?? null;
  };
}

/**
 * Shows the camera in `video` and gives each text it sees to `onText`, until the returned function is called.
 * Fails as `getUserMedia` does.
 * @param {HTMLVideoElement} video
 * @param {(text: string) => void} onText
 * @returns {Promise<() => void>}
 */
export async function scan(video, onText) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("no camera", "NotFoundError");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  try {
    video.srcObject = stream;
    await video.play();
    const read = await reader();
    const look = async () => {
      if (isStopped) return;
      const text = await read(video).catch(() => null);
      if (text && !isStopped) onText(text);
      setTimeout(look, EVERY_MS);
    };
    look();
    return stop;
  } catch (error) {
    stop();
    throw error;
  }
}

/**
 * The text of the code in a picture; null if there is none.
 * @param {Blob} file
 */
export async function readPicture(file) {
  const image = await createImageBitmap(file);
  try {
    return await (await reader())(image);
  } finally {
    image.close();
  }
}
