/** A Lambda function in the emulator: a process of its own, invoked by HTTP. @module */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { onTestFinished } from 'vitest'
import { freePorts, listens } from '../../store-servers/ports.ts'
import { ServerProcess } from '../../store-servers/process.ts'
import { emulator, runtimeClient } from './emulator.ts'

const HANDLERS = fileURLToPath(new URL('handlers.ts', import.meta.url))

/** As it is deployed: one file. */
export async function bundleHandlers(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-lambda-'))
  await build({
    entryPoints: [HANDLERS],
    outfile: join(folder, 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'silent',
  })
  return folder
}

export interface LambdaFunction {
  /** Posts the event; resolves with what the function returned, or with Lambda's word on what it threw. */
  readonly invoke: <T>(event: unknown) => Promise<T>
  readonly stop: () => Promise<void>
}

export interface FunctionOptions {
  /** Where `bundleHandlers()` put the code. */
  readonly folder: string
  /** Which export of it. */
  readonly handler: string
  readonly env: Readonly<Record<string, string>>
  /** @default 10 */
  readonly timeoutS?: number
}

/** Ends with the test. */
export async function startFunction(options: FunctionOptions): Promise<LambdaFunction> {
  const { folder, handler, env, timeoutS = 10 } = options
  const [inPort = 0, apiPort = 0] = await freePorts(2)
  const address = `127.0.0.1:${inPort}`
  const logs = await mkdtemp(join(tmpdir(), 'kedge-lambda-log-'))
  const client = await runtimeClient()
  const server = await ServerProcess.start({
    program: {
      file: await emulator(),
      env: {
        LAMBDA_TASK_ROOT: folder,
        AWS_LAMBDA_FUNCTION_NAME: 'kedge',
        AWS_LAMBDA_FUNCTION_TIMEOUT: String(timeoutS),
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
        ...env,
      },
    },
    args: [
      '--runtime-interface-emulator-address',
      address,
      '--runtime-api-address',
      `127.0.0.1:${apiPort}`,
      process.execPath,
      client,
      `index.${handler}`,
    ],
    log: join(logs, 'log'),
    ready: () => listens(address),
  })
  const stop = async () => {
    await server.end('SIGTERM')
    await rm(logs, { recursive: true, force: true })
  }
  onTestFinished(stop)
  return {
    stop,
    invoke: async <T>(event: unknown) => {
      const url = `http://${address}/2015-03-31/functions/function/invocations`
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(event) })
      const text = await response.text()
      try {
        return JSON.parse(text) as T
      } catch {
        return text as T
      }
    },
  }
}
