/** The least that a worker can be. */
export default { fetch: (): Response => new Response('ok') }
