/** A socket that is ready too late: its link closes it, and no error of it goes unheard. */
import { expect, it } from 'vitest'
import { SocketLink } from '../../../../adapters/sharing/tail/socket-link.ts'
import type { WebSocketLike } from '../../../../adapters/sharing/tail/socket-link.ts'
import { fakeRuntime } from '../../../../src/testing/index.ts'

it.each([
  ['is closed', 100, true],
  ['has waited for long enough', 6000, false],
])('a socket that comes after its link %s may fail: its error is heard', async (_, lateMs, closes) => {
  const runtime = fakeRuntime()
  // As that of `ws`: an error that no listener hears ends the process, and to close one that still connects is an error.
  const heard: string[] = []
  const listens = new Set<string>()
  const raw: WebSocketLike = {
    readyState: 0,
    send: () => undefined,
    close: () => void heard.push(listens.has('error') ? 'heard' : 'unheard'),
    addEventListener: (type) => void listens.add(type),
  }
  const counts = { opened: 0, broken: 0, refused: 0 }
  const open = async () => {
    await runtime.sleep(lateMs)
    return raw
  }
  const link = new SocketLink({ partition: 0, runtime, counts, open })
  link.want({ from: 0 })
  await runtime.advance(50)
  if (closes) link.close()
  await runtime.advance(lateMs)
  expect(heard[0]).toBe('heard')
  link.close()
  await runtime.advance(60_000)
})
