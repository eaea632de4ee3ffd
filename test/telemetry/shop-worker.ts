/** The shop as a worker, without `nodejs_compat`: no span is active there, so the cache is given that of the request. */
import { Shop } from './shop.ts'
import { zipkinTracer } from './zipkin-tracer.ts'

interface Env {
  readonly KAFKA: string
  readonly ZIPKIN: string
}

interface Context {
  waitUntil(work: Promise<unknown>): void
}

/** What the exporter has sent as a browser would: text, because no request may use the I/O of another one. */
const sent: { readonly url: string; readonly body: string }[] = []
Object.defineProperty(navigator, 'sendBeacon', {
  value: (url: string, body: string) => sent.push({ url, body }) > 0,
})

let shop: Shop | undefined

export default {
  async fetch(request: Request, { KAFKA, ZIPKIN }: Env, context: Context): Promise<Response> {
    shop ??= new Shop({ kafka: KAFKA, tracer: zipkinTracer(ZIPKIN, 'workerd') })
    const works: Promise<unknown>[] = []
    const answer = await shop.fetch(request, (work) => works.push(work), false)
    // What goes on after the answer makes spans, too.
    context.waitUntil(Promise.allSettled(works).then(send))
    return answer
  },
}

async function send(): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  for (const { url, body } of sent.splice(0)) await fetch(url, { method: 'POST', headers, body })
}
