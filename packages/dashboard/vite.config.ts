import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `vite` finds the service while the pages are being developed. */
const SERVICE = process.env.MILLRACE_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    target: "es2023",
    // Those that know light-dark(), which every theme stands on.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The service sends no page that is older than its code, so hashed names are enough; maps would double what is built.
    sourcemap: false,
    // Fonts and pictures as files of their own: the policy on content allows no data: URLs for scripts and styles.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: {
        // What most pages stand on comes in one piece: dozens of small ones would each cost a slow line its delay.
        codeSplitting: {
          groups: [
            {
              name: "base",
              test: /node_modules[\\/](?:react|react-dom|scheduler|@mantine|@floating-ui|@tanstack|lucide-react)[\\/]/,
            },
            { name: "shared", test: /dashboard[\\/]src[\\/](?:ui|format|live|shell)[\\/]/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: { proxy: Object.fromEntries(["/api", "/health", "/openapi.json", "/docs"].map((path) => [path, SERVICE])) },
});
