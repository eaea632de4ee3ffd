/** `Promise.withResolvers` for Node 20, which does not have it: injected into what is bundled (`tools/pack.ts`). */
export function withResolvers() {
  let resolve
  let reject
  const promise = new Promise((...settlers) => ([resolve, reject] = settlers))
  return { promise, resolve, reject }
}
