// What this phone keeps: accounts with their keys, what was answered, settings. IndexedDB, because only it can hold keys without showing them.

/** @import { Binding, Entry } from "../../types.d.ts" */

const NAME = "countersign";
const VERSION = 1;
/** Answers that are kept. */
const MOST_ENTRIES = 200;

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class Store {
  /** @param {IDBDatabase} db */
  constructor(db) {
    this.db = db;
  }

  static async open(factory = indexedDB, name = NAME) {
    const request = factory.open(name, VERSION);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("binding", { keyPath: "device" });
      db.createObjectStore("history", { keyPath: "id", autoIncrement: true }).createIndex("txid", "txid", { unique: true });
      db.createObjectStore("setting");
    };
    const db = await done(request);
    // A newer version of the app wants to change the tables: do not stand in its way.
    db.onversionchange = () => db.close();
    return new Store(db);
  }

  /**
   * Runs `steps` in one transaction and waits until it is on disk.
   * @template T
   * @param {string} table
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => Promise<T>} steps
   */
  async #in(table, mode, steps) {
    const transaction = this.db.transaction(table, mode, { durability: "strict" });
    const complete = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
    const result = await steps(transaction.objectStore(table));
    await complete;
    return result;
  }

  /** @returns {Promise<Binding[]>} */
  async bindings() {
    const all = await this.#in("binding", "readonly", (table) => done(table.getAll()));
    return all.sort((a, b) => a.added - b.added);
  }

  /** @param {Binding} binding */
  async addBinding(binding) {
    await this.#in("binding", "readwrite", (table) => done(table.put(binding)));
  }

  /**
   * Changes some members of a binding that is still there.
   * @param {string} device
   * @param {Partial<Binding>} change
   */
  async changeBinding(device, change) {
    await this.#in("binding", "readwrite", async (table) => {
      const binding = await done(table.get(device));
      if (binding) await done(table.put({ ...binding, ...change, device }));
    });
  }

  /** @param {string} device */
  async removeBinding(device) {
    await this.#in("binding", "readwrite", (table) => done(table.delete(device)));
  }

  /**
   * The counter of the next passcode, used up before it is shown: two windows never show the same code.
   * @param {string} device
   * @returns {Promise<number>}
   */
  nextCounter(device) {
    return this.#in("binding", "readwrite", async (table) => {
      const binding = await done(table.get(device));
      if (!binding || binding.otp.kind !== "hotp") throw new TypeError("no counter");
      const { counter } = binding.otp;
      binding.otp = { ...binding.otp, counter: counter + 1 };
      await done(table.put(binding));
      return counter;
    });
  }

  /** @param {Entry} entry */
  async remember(entry) {
    await this.#in("history", "readwrite", async (table) => {
      const known = await done(table.index("txid").get(entry.txid));
      await done(table.put(known ? { ...known, ...entry, id: known.id } : entry));
      const count = await done(table.count());
      if (count <= MOST_ENTRIES) return;
      const oldest = await done(table.getAllKeys(null, count - MOST_ENTRIES));
      for (const key of oldest) await done(table.delete(key));
    });
  }

  /**
   * Newest first.
   * @returns {Promise<Entry[]>}
   */
  async history() {
    const all = await this.#in("history", "readonly", (table) => done(table.getAll()));
    return all.sort((a, b) => b.at - a.at || (b.id ?? 0) - (a.id ?? 0));
  }

  async clearHistory() {
    await this.#in("history", "readwrite", (table) => done(table.clear()));
  }

  /**
   * @param {string} name
   * @returns {Promise<any>}
   */
  setting(name) {
    return this.#in("setting", "readonly", (table) => done(table.get(name)));
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  async setSetting(name, value) {
    await this.#in("setting", "readwrite", (table) => done(table.put(value, name)));
  }
}
