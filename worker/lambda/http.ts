/**
 * A Hono app as a Lambda function.
 *
 * @module
 */
import { createApp } from '../app.ts'
import type { AppOptions } from '../app-options.ts'
import type { ExecutionContext } from '../execution-context.ts'
import { internalProblem, Problem } from '../problem.ts'
import { answerOf } from './http-answer.ts'
import type { LambdaAnswer } from './http-answer.ts'
import { readHttpEvent } from './http-event.ts'
import type { HttpEvent } from './http-event.ts'
import { invocationSettings, invoked } from './invocation.ts'
import type { InvocationOptions } from './invocation.ts'

/** Whatever answers requests as a Hono app does. */
export interface FetchApp {
  fetch(request: Request, env: object, context: ExecutionContext): Response | Promise<Response>
}

export interface LambdaHandlerOptions extends InvocationOptions {
  /** Taken off the beginning of every path: the stage of an API that is not `$default`, say: `'/prod'`. @default none */
  readonly basePath?: string
  /** What the app finds in `c.env`, beside `event` and `lambdaContext`: `process.env`. @default nothing */
  readonly env?: Readonly<Record<string, unknown>>
}

/** Never rejects: what goes wrong is answered with a problem (RFC 9457). */
export type LambdaHandler = (event: unknown, context?: unknown) => Promise<LambdaAnswer>

/**
 * The handler of a function behind API Gateway (payload 2.0 or 1.0), a function URL, or a load balancer, with or
 * without multi-value headers.
 *
 * What the app defers (`c.executionCtx.waitUntil`, which `kedge(cache)` uses) is awaited before the answer is returned,
 * because Lambda freezes the process after that. When the function's time is nearly over, the answer is 504: a function
 * that runs into its timeout would lose its process, and the cache with it.
 *
 * @param app a Hono app, or the options of {@link createApp}
 * @throws TypeError for wrong options.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { lambdaHandler } from 'kedge/lambda'
 * import { bearerAuth, httpOrigin } from 'kedge/worker'
 *
 * declare const env: Record<'KAFKA_REST_URL' | 'READ_TOKEN' | 'EVICT_TOKEN', string>
 *
 * export const handler = lambdaHandler({
 *   cache: createCache({ kafka: gateway({ url: env.KAFKA_REST_URL }) }),
 *   auth: bearerAuth({ read: [env.READ_TOKEN], evict: [env.EVICT_TOKEN] }),
 *   origin: httpOrigin({ url: 'https://origin.example' }),
 *   namespaces: ['airports'],
 * })
 * ```
 */
export function lambdaHandler(app: FetchApp | AppOptions, options: LambdaHandlerOptions = {}): LambdaHandler {
  const settings = invocationSettings(options, ['basePath', 'env'])
  const { basePath = '', env = {} } = options
  if (!/^(?:\/[^/?#]+)*$/.test(basePath)) throw new TypeError('`basePath` must be a path such as `/prod`')
  const serving = isApp(app) ? app : createApp({ onError: settings.tell, ...app })
  return async (event, context) => {
    let read: HttpEvent
    try {
      read = readHttpEvent(event, basePath)
    } catch (error) {
      settings.tell(error)
      return answerOf(asProblem(error).toResponse(), 'v2')
    }
    return invoked(context, settings, async (invocation) => {
      const executionContext: ExecutionContext = {
        waitUntil: (promise) => invocation.waitUntil(promise),
        passThroughOnException: () => undefined,
        props: {},
        buffers: true,
      }
      const bindings = { ...env, event, lambdaContext: context }
      const respond = async (): Promise<LambdaAnswer> =>
        answerOf(await serving.fetch(read.request, bindings, executionContext), read.answer)
      try {
        return await invocation.within(respond)
      } catch (error) {
        settings.tell(error)
        const problem = invocation.isOver ? late() : internalProblem()
        return answerOf(problem.toResponse(), read.answer)
      }
    })
  }
}

const isApp = (app: FetchApp | AppOptions): app is FetchApp => 'fetch' in app

const late = (): Problem =>
  new Problem(504, 'ERR_TIMEOUT', 'The app did not answer before the time of the function was over.')

const asProblem = (error: unknown): Problem => (error instanceof Problem ? error : internalProblem())
