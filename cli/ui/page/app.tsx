/** The page: one answer on top, and beneath it what the service has to show. @module */
import { useEffect, useState } from 'preact/hooks'
import { NONE_SEEN, withEvictions } from '../seen-evictions.ts'
import type { EvictionBatch, LiveState } from '../state.ts'
import { CacheView } from './cache-view.tsx'
import { connect } from './connection.ts'
import type { Link } from './connection.ts'
import { storeAuthorization, storedAuthorization } from './credential.ts'
import { EvictBox } from './evict-box.tsx'
import { Evictions } from './evictions.tsx'
import { lengthOf } from './format.ts'
import { GatewayView } from './gateway-view.tsx'
import { withHeard } from './history.ts'
import type { History } from './history.ts'
import { LinkState } from './link-state.tsx'
import { Partitions } from './partitions.tsx'
import { SignIn } from './sign-in.tsx'
import { SyncView } from './sync-view.tsx'
import { ThemeButton } from './theme.tsx'
import { TourSteps, TourView } from './tour-view.tsx'
import { Verdict } from './verdict.tsx'

export function App() {
  const [authorization, show] = useState(storedAuthorization)
  const [link, setLink] = useState<Link>({ is: 'connecting' })
  const [history, setHistory] = useState<History>([])
  const [evictions, setEvictions] = useState<EvictionBatch>(NONE_SEEN)
  useEffect(() => {
    const stop = new AbortController()
    const listener = {
      onLink: setLink,
      onState: (state: LiveState) => setHistory((before) => withHeard(before, { at: Date.now(), state })),
      onEvictions: (came: EvictionBatch) => setEvictions((before) => withEvictions(before, came)),
    }
    void connect(authorization, listener, stop.signal)
    return () => stop.abort()
  }, [authorization])
  const signIn = (shown: string | undefined) => {
    storeAuthorization(shown)
    setHistory([])
    setEvictions(NONE_SEEN)
    show(shown)
  }
  const last = history.at(-1)
  useTitle(last?.state, link)
  return (
    <>
      <header>
        <span class="brand">
          kedge <b>{last?.state.service ?? ''}</b>
        </span>
        <LinkState link={link} />
        <span class="spacer" />
        <ThemeButton />
        {authorization !== undefined && link.is !== 'shut' && (
          <button type="button" onClick={() => signIn(undefined)}>
            Sign out
          </button>
        )}
      </header>
      <main>
        {link.is === 'shut' && <SignIn why={link.why} wasShown={link.wasShown} onSignIn={signIn} />}
        {link.is !== 'shut' && last && (
          <>
            <Verdict heard={last} />
            <div class={link.is === 'live' ? 'body' : 'body old'}>
              <Body state={last.state} {...{ history, evictions, authorization }} />
            </div>
          </>
        )}
        {link.is !== 'shut' && !last && <p class="empty first">{firstSaid(link)}</p>}
      </main>
      {last && (
        <footer>
          {`kedge ${last.state.version} · up for ${lengthOf(last.state.upMs)} · charts begin when this page was opened`}
        </footer>
      )}
    </>
  )
}

interface BodyProps {
  readonly state: LiveState
  readonly history: History
  readonly evictions: EvictionBatch
  readonly authorization: string | undefined
}

function Body({ state, history, evictions, authorization }: BodyProps) {
  const { cache, gateway, sync, tour, topic, evicts, showsEvictions } = state
  return (
    <>
      {cache && <CacheView cache={cache} history={history} />}
      {gateway && <GatewayView gateway={gateway} history={history} />}
      {sync && <SyncView sync={sync} history={history} />}
      {tour && <TourView tour={tour} history={history} />}
      <div class="columns">
        {showsEvictions && <Evictions {...evictions} />}
        <div class="column">
          {topic && <Partitions topic={topic} />}
          {evicts && <EvictBox evicts={evicts} authorization={authorization} />}
        </div>
      </div>
      {tour && <TourSteps tour={tour} />}
    </>
  )
}

/** A tab that is not looked at tells the answer by its title. */
function useTitle(state: LiveState | undefined, link: Link): void {
  const says = link.is === 'live' ? state?.verdict.says : link.is === 'lost' ? 'Not connected' : undefined
  const title = [says, `kedge ${state?.service ?? ''}`.trim()].filter(Boolean).join(' · ')
  useEffect(() => void (document.title = title), [title])
}

const firstSaid = (link: Link): string => (link.is === 'lost' ? link.why : 'Asking the service how it is …')
