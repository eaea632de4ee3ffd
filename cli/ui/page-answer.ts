/** The answer to `GET /ui`: one HTML that sends requests to this server alone. @module */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Context } from 'hono'
import type { PageParts } from './page-build.ts'

interface Page {
  readonly html: string
  readonly gzipped: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

let built: Promise<Page> | undefined

/** The page has no data: it is the same for everybody, and needs no credential. */
export async function answerPage(c: Context): Promise<Response> {
  // A failed build is tried again.
  built ??= import('./page-build.ts').then(({ pageParts }) => pageParts()).then(pageOf)
  const page = await built.catch((error: unknown) => {
    built = undefined
    throw error
  })
  const zips = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
  for (const [name, value] of Object.entries(page.headers)) c.header(name, value)
  if (!zips) return c.body(page.html)
  c.header('content-encoding', 'gzip')
  return c.body(page.gzipped)
}

function pageOf({ script, style }: PageParts): Page {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>kedge</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${style}</style>
</head>
<body>
<noscript>This page shows what the service tells it: it needs JavaScript.</noscript>
<div id="app"></div>
<script type="module">${script}</script>
</body>
</html>
`
  return { html, gzipped: gzipSync(html, { level: 9 }), headers: headersOf(script, style) }
}

/** An anchor's ring and shank. */
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#0b7285" stroke-width="2" stroke-linecap="round"><circle cx="8" cy="3.5" r="2"/><path d="M8 6v8M2.5 9.5A5.5 5 0 0 0 8 14a5.5 5 0 0 0 5.5-4.5M5 8h6"/></svg>'

/**
 * Scripts and styles are those of the page alone, by their hashes, so that a text of a stranger that stood in it by a
 * fault could not run, and could send nothing to another host.
 */
function headersOf(script: string, style: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    vary: 'accept-encoding',
  }
}

const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`
