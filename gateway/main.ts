/** `node gateway/main.ts`: the gateway as a process. @module */
import process from 'node:process'
import type { AccessEntry } from './app.ts'
import { readArguments, USAGE } from './arguments.ts'
import { startGateway } from './server.ts'

const logAccess = (entry: AccessEntry) =>
  console.log(JSON.stringify({ time: new Date().toISOString(), ...entry }))

async function main(): Promise<void> {
  const { help, accessLog, options } = readArguments(process.argv.slice(2), process.env)
  if (help) {
    console.log(USAGE)
    return
  }
  const gateway = await startGateway({
    ...options,
    onError: (error) => console.error('kedge gateway: unexpected error:', error),
    ...(accessLog && { onRequest: logAccess }),
  })
  // A second signal ends the process at once, as it does where nobody listens for it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void gateway.close())
  console.log(`kedge gateway listening on ${gateway.url} (log: memory)`)
}

try {
  await main()
} catch (error) {
  console.error(`kedge gateway: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
