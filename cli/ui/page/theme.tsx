/** Light, dark, or as the system is. @module */
import { useEffect, useState } from 'preact/hooks'

const THEMES = ['system', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]
const NAME = 'kedge-theme'

const stored = (): Theme => THEMES.find((theme) => theme === localStorage.getItem(NAME)) ?? 'system'

export function ThemeButton() {
  const [theme, choose] = useState<Theme>(stored)
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme
    localStorage.setItem(NAME, theme)
    dispatchEvent(new Event('kedge-theme'))
  }, [theme])
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!
  return (
    <button type="button" onClick={() => choose(next)} title={`Change to ${next}`}>
      {`Theme: ${theme}`}
    </button>
  )
}
