/** The cookie that carries a token. Free of Hono: programs use its options without Hono's types. @module */

/** How the token is kept in a cookie. */
export interface TokenCookieOptions {
  /** How long the client sends it, in seconds: as long as another isolate may lag behind. @default 60 */
  readonly maxAgeS?: number
  /** @default '/' */
  readonly path?: string
  /** @default none: the host that set it */
  readonly domain?: string
  /** @default 'Lax' */
  readonly sameSite?: 'Strict' | 'Lax' | 'None'
  /** @default true */
  readonly secure?: boolean
}
