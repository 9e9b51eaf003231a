// The drawings, as lines on a grid of 24.

export const ICONS = {
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  clock: "M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3 2",
  gear: "M5 7h9M18 7h1M5 12h2M11 12h8M5 17h7M16 17h3M16 5v4M9 10v4M14 15v4",
  camera: "M4 8V5a1 1 0 011-1h3M16 4h3a1 1 0 011 1v3M20 16v3a1 1 0 01-1 1h-3M8 20H5a1 1 0 01-1-1v-3M8 8h3v3H8zM13 8h3v3h-3zM8 13h3v3H8zM13 13h1.5v1.5H13zM15.500 15.500H17V17h-1.500z",
  plus: "M12 5v14M5 12h14",
  check: "M5 13l4.500 4.500L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.01",
  info: "M12 21a9 9 0 100-18 9 9 0 000 18zM12 11v5M12 8v.01",
  bell: "M6 16V11a6 6 0 0112 0v5l1.500 2h-15zM10 20.500h4",
  back: "M15 5l-7 7 7 7",
  copy: "M9 9h10v11H9zM5 15V4h10",
  refresh: "M19 8a8 8 0 10.9 5M19 3v5h-5",
  install: "M12 4v11M7.500 11L12 15.500 16.500 11M5 20h14",
  shield: "M12 3l7.500 3v5.500c0 4.500-3.200 8-7.500 9.500-4.300-1.500-7.500-5-7.500-9.500V6z",
};
