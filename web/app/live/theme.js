// Light or dark: as the phone has it, unless the person chose.

/** @param {"system" | "light" | "dark" | undefined} theme */
export function applyTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
  else delete document.documentElement.dataset["theme"];
}
