/** The one answer, and how old it is by now. @module */
import type { Mood, Verdict as Said } from '../state.ts'
import { lengthOf } from './format.ts'
import type { Heard } from './history.ts'
import { useNow } from './now.ts'

const TICK_MS = 200
/** The state comes each second: what is older than this says nothing of now. */
const OLD_MS = 5000

export function Verdict({ heard }: { readonly heard: Heard }) {
  const now = useNow(TICK_MS)
  const silentMs = now - heard.at
  const { verdict } = heard.state
  if (silentMs > OLD_MS)
    return (
      <Answer mood="bad" says="Unknown" age={`last heard ${lengthOf(silentMs)} ago`}>
        {`It was: ${verdict.says}. What stands below is as it was then.`}
      </Answer>
    )
  return (
    <Answer mood={verdict.mood} says={verdict.says} age={ageOf(verdict, silentMs)}>
      {verdict.because}
    </Answer>
  )
}

function ageOf({ since }: Said, silentMs: number): string | undefined {
  if (!since) return undefined
  const { verb, ageMs, lasts = false } = since
  return `${verb} ${lengthOf(ageMs + Math.max(0, silentMs))}${lasts ? '' : ' ago'}`
}

interface AnswerProps {
  readonly mood: Mood
  readonly says: string
  readonly age: string | undefined
  readonly children: string
}

function Answer({ mood, says, age, children }: AnswerProps) {
  return (
    <section class={`verdict ${mood}`} aria-label="State">
      <Sign mood={mood} />
      <div>
        <h1>
          {says}
          {age !== undefined && <span class="age">{` — ${age}`}</span>}
        </h1>
        <p>{children}</p>
        {/* Announced when it changes; the age does so all the time, and is not. */}
        <p role="status" class="unseen">
          {says}
        </p>
      </div>
    </section>
  )
}

const SIGNS: Readonly<Record<Mood, string>> = {
  good: 'M5 12.5l4.5 4.5L19 7.5',
  waiting: 'M12 6v6.5l4 2.5',
  bad: 'M12 5.5v8M12 17.8v.4',
}

/** Of another shape for each mood: a colour alone does not say it. */
const Sign = ({ mood }: { readonly mood: Mood }) => (
  <svg class="sign" viewBox="0 0 24 24" aria-hidden="true">
    <circle cx="12" cy="12" r="11" />
    <path d={SIGNS[mood]} />
  </svg>
)
