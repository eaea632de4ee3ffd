/** The methods of the Cache API that the tier calls, and bounded reads of its bodies. @module */

/** A `Cache`. */
export interface CacheLike {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<void>
  delete(url: string): Promise<boolean>
}

/** The body, or `undefined` where it is larger: the rest is never read. */
export async function bodyOf(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const { body } = response
  if (!body) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    // Leaving the loop cancels the body.
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
