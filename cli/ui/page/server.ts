/** Requests to the server that the page came from, whatever path a proxy has put before it. @module */

const BASE = location.pathname.replace(/\/ui\/?$/, '')

export interface Asked {
  readonly method?: 'POST'
  readonly type?: string
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** Sends no cookie, and no credential that the browser has stored. */
export function ask(path: string, authorization: string | undefined, asked: Asked = {}): Promise<Response> {
  const { method = 'GET', type, body, signal } = asked
  return fetch(BASE + path, {
    method,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(type !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
  })
}

/** What an answer that is no good says of itself, in a sentence. */
export async function faultIn(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  try {
    const { detail, message, error } = JSON.parse(text) as Record<string, unknown>
    const said = [detail, message, error].find((each) => typeof each === 'string')
    if (said !== undefined) return said.slice(0, 300)
  } catch {
    // It is no JSON: the text is the sentence, or there is none.
  }
  return text.trim().slice(0, 300) || `The server answered ${response.status}.`
}
