/**
 * A driver of unstorage over kedge, as Nitro's `cachedFunction` uses it: look, load, fill. What was loaded beside an
 * eviction is not held.
 *
 * In a Nitro plugin: `useStorage().mount('cache', unstorageDriver(pages, { set: 'fill' }))`.
 *
 * Run: `node examples/unstorage.ts`
 */
import { createCache } from 'kedge'
import { unstorageDriver, type UnstorageItem } from 'kedge/adapters/unstorage'
import { memory, MemoryLog } from 'kedge/testing'
import { createStorage } from 'unstorage'

const log = new MemoryLog()
const cache = createCache({ kafka: memory({ on: log }) })
const storage = createStorage()
storage.mount('cache', unstorageDriver(cache.namespace<UnstorageItem>('pages'), { set: 'fill' }))
const editor = createCache({ kafka: memory({ on: log }) }).namespace('pages')

let text = 'first'
async function page(whileRendering?: () => Promise<void>): Promise<string> {
  const held = await storage.getItem<string>('cache:home')
  if (held !== null) return held
  const rendered = `<p>${text}</p>`
  await whileRendering?.()
  await storage.setItem('cache:home', rendered, { ttl: 3600 })
  return rendered
}

await cache.sync()
const edited = await page(async () => {
  text = 'second' // the commit …
  await editor.delete('home') // … and its eviction, while the page is being rendered
  await cache.sync()
})
console.log('rendered beside the edit:', edited)
console.log('the next visitor gets:   ', await page())
console.log('and so does the one after:', await page())
if ((await page()) !== '<p>second</p>') throw new Error('that was not what the text says')
