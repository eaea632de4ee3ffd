/** Why a process could not be asked, for who looks at it. @module */
import { codeOf, fault } from '../failure.ts'

/** Of the errors of `fetch` the cause says why. */
const FETCH_FAILED = /^fetch failed \((.+)\)$/

/** @param deadlineMs how long it had to answer */
export function whyAway(error: unknown, deadlineMs: number): string {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return `no answer within ${deadlineMs / 1000} s: it hangs, or a firewall is between`
  if (codeOf(error).code === 'ECONNREFUSED')
    return 'nothing listens there: it has ended, or has another --listen'
  const said = fault(error)
  return FETCH_FAILED.exec(said)?.[1] ?? said
}

const ELSEWHERE = 'give the address of its --listen, which is another than that of its clients'

/** What an answer to `/metrics` means that no process gives at its `--listen`; `undefined` where it may. */
export function whyNotThere(status: number): string | undefined {
  if (status === 404) return `it has no metrics there: ${ELSEWHERE}`
  return status === 401 || status === 403 ? `it asks for a credential there: ${ELSEWHERE}` : undefined
}
