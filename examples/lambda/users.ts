/** The source of the users. @module */
import { settings } from './settings.ts'
import { User } from './user.ts'

export async function loadUser(id: string, signal: AbortSignal): Promise<User | null> {
  const response = await fetch(`${settings.USERS_URL}/${encodeURIComponent(id)}`, { signal })
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`the user service answered with ${response.status}`)
  return User.parse(await response.json())
}

export async function saveUser(id: string, user: User): Promise<void> {
  const response = await fetch(`${settings.USERS_URL}/${encodeURIComponent(id)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(user),
  })
  if (!response.ok) throw new Error(`the user service answered with ${response.status}`)
}
