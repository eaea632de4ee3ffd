/** A shop: an ordinary Hono app, with the cache between it and the service that has the products. */
import { type Context, Hono } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { HTTPException } from 'hono/http-exception'
import { type Cache, isKedgeError } from 'kedge'
import { kedge, type KedgeEnv } from 'kedge/worker'
import * as z from 'zod'

const Product = z.object({ name: z.string(), price: z.number(), category: z.string() })
export type Product = z.infer<typeof Product>

type ShopEnv = { Bindings: Env; Variables: KedgeEnv['Variables'] }

/** What the cache holds. That there is no such product is remembered too, but not for long. */
export function declare(cache: Cache): Cache {
  cache.namespace<Product | null>('products', {
    schema: Product.nullable(),
    ttl: (product) => (product === null ? '10s' : '5m'),
    tags: (product) => (product === null ? [] : [`category:${product.category}`]),
  })
  return cache
}

export function createShop(cacheOf: (env: Env) => Cache): Hono<ShopEnv> {
  const app = new Hono<ShopEnv>()

  // From here on `c.var.cache` is the cache within this request. A browser reads its own writes, by the cookie.
  app.use(kedge((c) => cacheOf(c.env as Env), { cookie: true }))

  app.get('/products/:id', async (c) => {
    const id = c.req.param('id')
    const products = c.var.cache.namespace<Product | null>('products')
    const product = await products.getOrSet(id, ({ signal }) => load(addressOf(c.env, id), signal))
    return product === null ? c.notFound() : c.json(product)
  })

  // What follows changes something.
  app.use((c: Context, next) => bearerAuth({ token: c.env.SHOP_TOKEN })(c, next))

  app.put('/products/:id', async (c) => {
    const id = c.req.param('id')
    const product = Product.parse(await c.req.json())
    // First the commit, then the eviction: a load that saw the old row began before it, and is not kept.
    await save(addressOf(c.env, id), product)
    await c.var.cache.namespace('products').delete(id)
    return c.body(null, 204)
  })

  app.delete('/categories/:category', async (c) => {
    await c.var.cache.namespace('products').invalidateTags(`category:${c.req.param('category')}`)
    return c.body(null, 204)
  })

  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse()
    if (error instanceof z.ZodError) return c.json({ error: z.prettifyError(error) }, 400)
    // Kafka has not acknowledged the eviction: the product is saved, and the client must save it again.
    if (isKedgeError(error) && error.retryable)
      return c.json({ error: error.code }, 503, { 'retry-after': '1' })
    console.error(error)
    return c.json({ error: 'something went wrong' }, 500)
  })
  return app
}

const addressOf = (env: Env, id: string): string => `${env.PRODUCTS_URL}/${encodeURIComponent(id)}`

async function load(address: string, signal: AbortSignal): Promise<Product | null> {
  const response = await fetch(address, { signal })
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`the products answered with ${response.status}`)
  return Product.parse(await response.json())
}

async function save(address: string, product: Product): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(address, { method: 'PUT', headers, body: JSON.stringify(product) })
  if (!response.ok) throw new Error(`the products answered with ${response.status}`)
}
