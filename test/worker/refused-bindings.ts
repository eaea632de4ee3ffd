/** What the worker says of bindings that it refuses. */
import { expect } from 'vitest'
import { BindingsError, readBindings } from '../../worker/bindings.ts'

/** The message, or `taken` where it takes them. */
export function refusalOf(env: unknown): string {
  try {
    readBindings(env)
  } catch (error) {
    expect(error).toBeInstanceOf(BindingsError)
    return (error as Error).message
  }
  return 'taken'
}
