import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import type { LambdaAnswer } from '../../../worker/lambda.ts'
import { startReceiver } from '../../otlp/receiver.ts'
import { emulator, runtimeClient, withoutEmulator } from './emulator.ts'
import { bundleHandlers, startFunction } from './function.ts'
import { v2 } from './http-events.ts'

const REQUESTS =
  'http.server.request.duration{http.request.method="GET",url.scheme="https",http.response.status_code=200,http.route="/healthz"}'

describe.skipIf(withoutEmulator())("Metrics that are pushed, in Lambda's runtime interface emulator", () => {
  let folder: string
  beforeAll(async () => {
    await Promise.all([emulator(), runtimeClient()])
    folder = await bundleHandlers()
  }, 600_000)
  afterAll(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  async function start(handler: string) {
    const gateway = await startGateway()
    onTestFinished(() => gateway.close())
    const receiver = await startReceiver()
    onTestFinished(() => receiver.close())
    const env = {
      KAFKA_REST_URL: gateway.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=lab',
      AWS_REGION: 'eu-west-1',
    }
    return { receiver, ...(await startFunction({ folder, handler, env })) }
  }

  it('go out when the next invocation begins, and say what function they are of', async () => {
    const { receiver, invoke } = await start('pushing')
    const ask = () => invoke<LambdaAnswer>(v2({ path: '/healthz' }))
    expect((await ask()).statusCode).toBe(200)
    expect(receiver.pushes).toEqual([])
    expect((await ask()).statusCode).toBe(200)
    // The answer waits for what is deferred: the push is over when it is there.
    expect(receiver.faults).toEqual([])
    expect(receiver.pushes).toHaveLength(1)
    const [{ values, resource }] = receiver.pushes as [(typeof receiver.pushes)[number]]
    expect(values[REQUESTS]).toBe(1)
    expect(resource).toMatchObject({
      'service.name': 'kedge',
      'faas.name': 'kedge',
      'faas.max_memory': 536_870_912,
      'cloud.platform': 'aws_lambda',
      'cloud.region': 'eu-west-1',
      'deployment.environment.name': 'lab',
    })
  })

  it("are those of handlers of one's own, too", async () => {
    const { receiver, invoke } = await start('pushingOwn')
    await invoke({ prove: true, load: 'Ada' })
    await invoke({ get: true })
    expect(receiver.faults).toEqual([])
    expect(receiver.pushes[0]!.values).toMatchObject({
      'kedge.cache.loads': 1,
      'kedge.cache.load.duration{kedge.namespace="users",kedge.outcome="ok"}': 1,
    })
  })

  it('hold up no answer for longer than half a second, and seldom, where the receiver hangs', async () => {
    const { receiver, invoke } = await start('pushing')
    receiver.answer = () => new Promise<never>(() => undefined)
    const tookMs: number[] = []
    for (let nth = 0; nth < 8; nth++) {
      const began = performance.now()
      expect((await invoke<LambdaAnswer>(v2({ path: '/healthz' }))).statusCode).toBe(200)
      tookMs.push(performance.now() - began)
    }
    expect(receiver.headers.length).toBeGreaterThan(0)
    expect(Math.max(...tookMs)).toBeLessThan(3000)
  })
})
