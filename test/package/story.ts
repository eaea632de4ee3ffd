/** The code of the README as a program that can be run: its two functions of the user's own are given a body. */
import { readFile } from 'node:fs/promises'

const README = new URL('../../README.md', import.meta.url)
const PROXY = "'http://localhost:8082'"

/** What the user has: rows, and a context that keeps work alive. */
const OWN = `
const rows = new Map([['7', { name: 'Ada', teamId: '1' }]])
let loads = 0
async function load(id: string, _signal: AbortSignal): Promise<z.infer<typeof User>> {
  loads++
  const row = rows.get(id)
  if (row === undefined) throw new Error('there is no such user')
  return { ...row }
}
async function save(id: string, name: string): Promise<void> {
  rows.set(id, { name, teamId: '1' })
}

/** Reads, reads again, renames, reads, evicts by tag, reads. */
export async function story(): Promise<string> {
  const work: Promise<unknown>[] = []
  const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
  const told: string[] = []
  const see = async (): Promise<void> => {
    const before = loads
    const { name } = await show('7', context)
    told.push(name + (loads > before ? ' loaded' : ' held'))
  }
  // A sync waits for half a second at most, which a busy machine may need for a first request.
  for (let times = 0; times < 20 && !(await cache.sync()).proved; times++);
  await see()
  await see()
  const token = await rename('7', 'Grace')
  told.push(String(/^k1\\.0-\\d+~[0-9a-z]+$/.test(token)))
  await see()
  await see()
  await moved('1')
  await see()
  await Promise.allSettled(work)
  return told.join(', ')
}
`

export const TOLD = 'Ada loaded, Ada held, true, Grace loaded, Grace held, Grace loaded'

/** In TypeScript. @param url an expression */
export async function storyOf(url: string): Promise<string> {
  const blocks = [...(await readFile(README, 'utf8')).matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
  const code = blocks.map(([, each]) => each ?? '').find((each) => each.includes('createCache'))
  if (code === undefined) throw new Error('the README has no code')
  const [before, after, ...more] = code.split(PROXY)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`the README has no ${PROXY}`)
  const declared = /^declare function \w+\(.*\n/gm
  if (after.match(declared)?.length !== 2) throw new Error('the README does not declare two functions')
  return `${before}${url}${after.replaceAll(declared, '')}${OWN}`
}
