/** A gateway as a proxy that tells no identity of its log, as those of others. */
export const withoutIdentity: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init)
  const headers = new Headers([...answer.headers].filter(([name]) => !name.startsWith('kedge-')))
  return new Response([204, 304].includes(answer.status) ? null : answer.body, {
    status: answer.status,
    headers,
  })
}
