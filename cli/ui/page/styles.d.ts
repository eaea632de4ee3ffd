/** Styles that esbuild takes into the one style of the page. */
declare module '*.css'
