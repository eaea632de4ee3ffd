import { describe, expect, it } from 'vitest'
import { createSwitch } from '../../../examples/tour/switch.ts'

function fakeLog() {
  const calls: string[] = []
  return {
    calls,
    pause: async () => {
      calls.push('pause')
    },
    resume: async () => {
      calls.push('resume')
    },
  }
}

const post = { method: 'POST' }

describe('the switch of the log', () => {
  it('stops and starts the log, and answers how it stands', async () => {
    const log = fakeLog()
    const app = createSwitch(log)
    const stopped = await app.request('/log/stop', post)
    expect(stopped.status).toBe(200)
    expect(await stopped.json()).toStrictEqual({ log: 'stopped' })
    expect(await (await app.request('/log/start', post)).json()).toStrictEqual({ log: 'running' })
    expect(log.calls).toStrictEqual(['pause', 'resume'])
  })

  it('does nothing to a log that stands so already', async () => {
    const log = fakeLog()
    const app = createSwitch(log)
    await app.request('/log/start', post)
    await app.request('/log/stop', post)
    await app.request('/log/stop', post)
    expect(log.calls).toStrictEqual(['pause'])
  })

  it('takes one turn after the other', async () => {
    const log = fakeLog()
    let finish: (() => void) | undefined
    const stopping = new Promise<void>((resolve) => {
      finish = resolve
    })
    const app = createSwitch({
      ...log,
      pause: async () => {
        await stopping
        log.calls.push('pause')
      },
    })
    const stop = app.request('/log/stop', post)
    const start = app.request('/log/start', post)
    finish?.()
    await stop
    await start
    expect(log.calls).toStrictEqual(['pause', 'resume'])
  })

  it('answers 500 where the log does not obey, and works at the next turn', async () => {
    const log = fakeLog()
    let broken = true
    const app = createSwitch({
      ...log,
      pause: async () => {
        if (broken) throw new Error('stuck')
      },
    })
    expect((await app.request('/log/stop', post)).status).toBe(500)
    broken = false
    expect((await app.request('/log/stop', post)).status).toBe(200)
  })

  it('refuses other methods with 405 and other routes with 404', async () => {
    const log = fakeLog()
    const app = createSwitch(log)
    const read = await app.request('/log/stop')
    expect(read.status).toBe(405)
    expect(read.headers.get('allow')).toBe('POST')
    expect((await app.request('/log/start', { method: 'DELETE' })).status).toBe(405)
    for (const path of ['/', '/log', '/log/', '/log/break', '/log/stop/now', '/log/stopstart']) {
      expect((await app.request(path, post)).status).toBe(404)
    }
    expect(log.calls).toStrictEqual([])
  })
})
