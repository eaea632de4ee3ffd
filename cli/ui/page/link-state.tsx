/** Whether the page still hears the service. @module */
import type { Link } from './connection.ts'
import { lengthOf } from './format.ts'
import { useNow } from './now.ts'

export function LinkState({ link }: { readonly link: Link }) {
  const now = useNow(1000)
  const [mood, says] = saidOf(link, now)
  return (
    <span class={`link ${mood}`}>
      <span class="dot" aria-hidden="true" />
      {says}
    </span>
  )
}

function saidOf(link: Link, now: number): [mood: string, says: string] {
  if (link.is === 'live') return ['good', 'Live']
  if (link.is === 'connecting') return ['waiting', 'Connecting …']
  if (link.is === 'shut') return ['bad', 'Not signed in']
  const left = link.retryAt - now
  return ['bad', `${link.why} ${left > 500 ? `Again in ${lengthOf(left)}.` : 'Trying again …'}`]
}
