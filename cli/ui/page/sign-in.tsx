/** Asks for a credential where the service wants one. @module */
import { useState } from 'preact/hooks'
import { authorizationOf } from '../authorization.ts'

export interface SignInProps {
  /** What the service has said. */
  readonly why: string
  /** Whether one was shown already, and did not do. */
  readonly wasShown: boolean
  readonly onSignIn: (authorization: string) => void
}

export function SignIn({ why, wasShown, onSignIn }: SignInProps) {
  const [typed, type] = useState('')
  const submit = (event: Event) => {
    event.preventDefault()
    if (typed.trim() !== '') onSignIn(authorizationOf(typed))
  }
  return (
    <section class="card sign-in">
      <h1>Who are you?</h1>
      <p>
        This page shows what the service does to who may read: a token with that right, or a user and
        password.
      </p>
      <form onSubmit={submit}>
        <label>
          <span>Token, or user:password</span>
          <input
            type="password"
            required
            autoFocus
            autoComplete="off"
            value={typed}
            aria-describedby="sign-in-note"
            onInput={({ currentTarget }) => type(currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Show
        </button>
      </form>
      <p role="alert" class="outcome bad">
        {wasShown ? why : ''}
      </p>
      <p class="note" id="sign-in-note">
        It stays in this tab until that is closed, and is sent to this server alone.
      </p>
    </section>
  )
}
