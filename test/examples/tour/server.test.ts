import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { choosePort, serveApp, StartError } from '../../../examples/tour/server.ts'

describe('a port', () => {
  let holder: Server
  let taken: number

  beforeEach(async () => {
    holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const address = holder.address()
    taken = typeof address === 'object' && address !== null ? address.port : 0
  })

  afterEach(() => {
    holder.close()
  })

  it('is the one that is wanted when it is free', async () => {
    holder.close()
    await once(holder, 'close')
    expect(await choosePort({ port: taken, orAnother: true })).toBe(taken)
  })

  it('is any other when it is taken and another will do', async () => {
    expect(await choosePort({ port: taken, orAnother: true })).toBe(0)
    const server = await serveApp(new Hono(), { port: taken, orAnother: true })
    expect(server.url).not.toBe(`http://127.0.0.1:${taken}`)
    await server.close()
  })

  it('is refused by name when it is taken and no other will do', async () => {
    const wish = { port: taken, orAnother: false }
    await expect(choosePort(wish)).rejects.toThrow(StartError)
    await expect(serveApp(new Hono(), wish)).rejects.toThrow(`Port ${taken} is taken`)
  })
})

describe('a server', () => {
  it('closes although a client keeps its connection, and a request hangs', async () => {
    const app = new Hono()
    const arrived = new Promise<void>((resolve) => {
      app.get('/hangs', () => {
        resolve()
        return new Promise<Response>(() => undefined)
      })
    })
    app.get('/', (c) => c.text('here'))
    const server = await serveApp(app, { port: 0, orAnother: false })
    expect(await (await fetch(server.url)).text()).toBe('here')
    const hanging = fetch(`${server.url}/hangs`).catch(() => 'cut')
    await arrived
    await server.close()
    expect(await hanging).toBe('cut')
    await expect(fetch(server.url)).rejects.toThrow()
  })
})
