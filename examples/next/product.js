import { cacheTag } from 'next/cache'

/** What all requests share: read once, until a request revalidates it. */
export async function product(id) {
  'use cache'
  cacheTag(`product:${id}`)
  const answer = await fetch(`${process.env.SOURCE_URL}/${id}`)
  return answer.json()
}
