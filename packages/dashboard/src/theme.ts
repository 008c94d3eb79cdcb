import { createTheme, type MantineColorsTuple, Modal, Notification } from "@mantine/core";

/** Water: from the palest to the deepest. The shades that text stands in keep 4.5:1 on their theme's ground. */
const water: MantineColorsTuple = [
  "#e6f7fa",
  "#d3ebf0",
  "#a9d6df",
  "#7bc0ce",
  "#56adbf",
  "#3ea1b6",
  "#2c9bb1",
  "#0f7388",
  "#08667a",
  "#00586b",
];

/** How everything looks: system fonts, so that nothing is loaded for text, and one accent. */
export const theme = createTheme({
  colors: { water },
  primaryColor: "water",
  primaryShade: { light: 7, dark: 7 },
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace",
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    // Their crosses say nothing of themselves.
    Modal: Modal.extend({ defaultProps: { closeButtonProps: { "aria-label": "Close" } } }),
    Notification: Notification.extend({
      defaultProps: { closeButtonProps: { "aria-label": "Close" } },
      styles: { description: { color: "var(--mantine-color-dimmed)" } },
    }),
  },
});
