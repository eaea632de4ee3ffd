import { describe, expect, it } from 'vitest'
import { differenceOf, runTour, type StepReport, type World } from '../../../examples/tour/runner.ts'
import { TOUR, type Chapter, type Step } from '../../../examples/tour/tour.ts'
import { foretoldAnswers, type Scripted } from './fixtures/foretold.ts'

const places = { a: 'http://a', b: 'http://b', origin: 'http://origin', switch: 'http://switch' }

interface Request {
  readonly at: number
  readonly url: string
  readonly method: string | undefined
  readonly token: string | null
  readonly type: string | null
  readonly body: unknown
}

/** A world whose clock moves when the code sleeps, and whose answers come one after the other. */
function worldOf(answer: (request: Request, nth: number) => Response | Promise<Response>) {
  const requests: Request[] = []
  let now = 1000
  const world: World = {
    now: () => now,
    sleep: async (ms, signal) => {
      signal.throwIfAborted()
      now += ms
    },
    fetch: async (url, init) => {
      const headers = new Headers(init.headers)
      const request = {
        at: now - 1000,
        url,
        method: init.method,
        token: headers.get('kedge-token'),
        type: headers.get('content-type'),
        body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
      }
      requests.push(request)
      return answer(request, requests.length - 1)
    },
  }
  return { world, requests }
}

function responseOf(scripted: Scripted | undefined): Response {
  if (scripted === undefined) throw new Error('asked more often than foretold')
  return Response.json(scripted.body, { status: scripted.status, headers: scripted.headers })
}

const fine = (): Response => Response.json({})
const unavailable = (): Response => new Response('', { status: 503 })
const broken = (): Response =>
  new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) }))

const never = new AbortController().signal

function tourOf(...steps: Step[]): Chapter[] {
  return [{ title: 'a tour', steps }]
}

const read: Step = { to: 'a', path: '/cache/airports/KEF', expect: { status: 200 } }

/** Takes a tour of one step that is answered with each of these in turn, the last one for good. */
async function take(step: Step, ...answers: (() => Response | Promise<Response>)[]) {
  const { world, requests } = worldOf((_, nth) => {
    const answer = answers[Math.min(nth, answers.length - 1)]
    if (answer === undefined) throw new TypeError('fetch failed')
    return answer()
  })
  const reports: StepReport[] = []
  const onStep = (report: StepReport): void => void reports.push(report)
  const different = await runTour(places, { world, signal: never, tour: tourOf(step), onStep })
  return { requests, different, report: reports[0] }
}

describe('the tour', () => {
  it('finds no difference where every answer is as foretold', async () => {
    const answers = foretoldAnswers()
    const { world, requests } = worldOf((_, nth) => responseOf(answers[nth]))
    const chapters: number[] = []
    const reports: StepReport[] = []
    const different = await runTour(places, {
      world,
      signal: never,
      onChapter: (_, number) => chapters.push(number),
      onStep: (report) => reports.push(report),
    })
    expect(different).toStrictEqual([])
    expect(requests).toHaveLength(answers.length)
    expect(chapters).toStrictEqual(TOUR.map((_, index) => index + 1))
    expect(reports.map((report) => report.step)).toStrictEqual(TOUR.flatMap((chapter) => chapter.steps))
  })

  const count = foretoldAnswers().length
  it.each(Array.from({ length: count }, (_, at) => at))(
    'notices when answer %i has another status, and still takes the other steps',
    async (at) => {
      const answers = foretoldAnswers()
      // Answered by what was asked: steps that have time ask more than once.
      const steps = TOUR.flatMap((chapter) => chapter.steps)
      const owners = steps.flatMap((step) => Array.from({ length: step.times ?? 1 }, () => step))
      const taken: Step[] = []
      let nth = 0
      const { world } = worldOf(() => {
        const answer = answers[nth]
        if (nth === at) return new Response('{}', { status: 418 })
        nth += 1
        return responseOf(answer)
      })
      const different = await runTour(places, {
        world,
        signal: never,
        onStep: ({ step }) => {
          taken.push(step)
          // The step is over, so are its answers.
          nth = owners.lastIndexOf(step) + 1
        },
      })
      expect(different[0]?.step).toBe(owners[at])
      expect(different[0]?.difference).toMatch(/^status is 418, not /)
      expect(taken).toHaveLength(steps.length)
    },
  )

  it('keeps the token that one answer carries and sends it where it is to be sent, and nowhere else', async () => {
    const answers = foretoldAnswers()
    const { world, requests } = worldOf((_, nth) => responseOf(answers[nth]))
    await runTour(places, { world, signal: never })
    const sent = requests.filter((request) => request.token !== null)
    expect(sent.map((request) => request.token)).toStrictEqual(['k1.0-7', 'k1.0-7'])
    expect(sent.every((request) => request.url === 'http://b/cache/airports/KEF')).toBe(true)
  })

  it('differs where an answer carries no token that could be kept', async () => {
    const step: Step = { ...read, method: 'PUT', token: 'keep' }
    const { report } = await take(step, () => Response.json({ token: null }))
    expect(report?.difference).toBe('the answer carries no token')
  })

  it('differs where no token was kept that could be sent', async () => {
    const { report, requests } = await take({ ...read, token: 'send' }, fine)
    expect(report?.difference).toBe('no token was kept that could be sent')
    expect(requests).toStrictEqual([])
  })

  it('sends so many requests at once as a step asks for, and looks at each answer', async () => {
    const step = { ...read, times: 3 }
    const all = await take(step, fine)
    expect(all.requests.map(({ url }) => url)).toStrictEqual([
      'http://a/cache/airports/KEF?1',
      'http://a/cache/airports/KEF?2',
      'http://a/cache/airports/KEF?3',
    ])
    expect(all.different).toStrictEqual([])
    const { report } = await take(step, fine, fine, () => Response.json({}, { status: 500 }))
    expect(report?.difference).toBe('status is 500, not 200')
  })

  it('differs where no answer comes', async () => {
    const { report } = await take(read)
    expect(report).toMatchObject({ seen: undefined, difference: 'no answer' })
  })

  it('differs where an answer breaks off', async () => {
    expect((await take(read, broken)).report?.difference).toBe('no answer')
  })

  it('asks once where something is to be so at once', async () => {
    const { requests, report } = await take(read, unavailable)
    expect(requests).toHaveLength(1)
    expect(report?.difference).toBe('status is 503, not 200')
  })

  it('asks again within the time that a step has, and is content as soon as it is so', async () => {
    const { requests, report } = await take({ ...read, within: 2 }, unavailable, unavailable, fine)
    expect(requests.map(({ at }) => at)).toStrictEqual([0, 250, 500])
    expect(report).toMatchObject({ difference: undefined, tookMs: 500 })
  })

  it('asks for the last time when the time of a step is over, and differs if it never comes', async () => {
    const step = { ...read, within: 1.1 }
    const { requests, report } = await take(step, unavailable)
    expect(requests.map(({ at }) => at)).toStrictEqual([0, 250, 500, 750, 1000, 1100])
    expect(report?.difference).toBe('status is 503, not 200')
  })

  it('ends with the reason of its signal when it is interrupted', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const { world, requests } = worldOf(() => {
      controller.abort(reason)
      return new Response('', { status: 503 })
    })
    const tour = tourOf({ ...read, within: 5 }, read)
    await expect(runTour(places, { world, signal: controller.signal, tour })).rejects.toBe(reason)
    expect(requests).toHaveLength(1)
  })
})

describe('a difference', () => {
  const seen = { status: 200, cacheStatus: 'kedge; hit; ttl=3', text: '', body: { value: { city: 'A' } } }

  it.each([
    [{ status: 201 }, 'status is 200, not 201'],
    [{ status: 200, body: { value: { city: 'B' } } }, 'body.value.city is "A", not "B"'],
    [{ status: 200, body: { value: { name: 'B' } } }, 'body.value.name is missing, not "B"'],
    [{ status: 200, body: { value: null } }, 'body.value is {"city":"A"}, not null'],
    [{ status: 200, body: { value: { city: { is: 1 } } } }, 'body.value.city is "A", not {"is":1}'],
    [{ status: 200, body: { toString: 1 } }, 'body.toString is missing, not 1'],
    [{ status: 200, body: [] }, 'body is {"value":{"city":"A"}}, not []'],
    [{ status: 200, cacheStatus: ['fwd=miss'] }, 'cache-status is “kedge; hit; ttl=3”, not “fwd=miss”'],
    [
      { status: 200, cacheStatus: ['hit', 'stored'] },
      'cache-status is “kedge; hit; ttl=3”, not “hit; stored”',
    ],
  ])('from %j is reported: %s', (expectation, difference) => {
    expect(differenceOf(expectation, seen)).toBe(difference)
  })

  it.each([
    ['kedge; hit; ttl=3; detail=unreachable', ['hit']],
    ['kedge; fwd=miss; stored', ['stored']],
    ['kedge; fwd=missing; stored', ['fwd=miss']],
    ['kedge; hit; detail=error', ['hit', 'detail=unreachable']],
    ['hit', ['hit']],
  ])('is that the cache did something else: %s', (cacheStatus, foretold) => {
    expect(differenceOf({ status: 200, cacheStatus: foretold }, { ...seen, cacheStatus })).toContain(
      cacheStatus,
    )
  })

  it('is a missing header, and a body that is no JSON', () => {
    const bare = { status: 200, cacheStatus: null, text: '<html>', body: undefined }
    expect(differenceOf({ status: 200, cacheStatus: ['hit'] }, bare)).toBe(
      'cache-status is missing, not “hit”',
    )
    expect(differenceOf({ status: 200, body: { value: 1 } }, bare)).toBe('body is missing, not {"value":1}')
  })

  it('is none where there is more than was foretold', () => {
    expect(differenceOf({ status: 200 }, seen)).toBeUndefined()
    expect(differenceOf({ status: 200, body: { value: {} }, cacheStatus: ['hit'] }, seen)).toBeUndefined()
  })
})
