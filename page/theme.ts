/** `auto` follows the system. */
export const THEMES = ['auto', 'light', 'dark'] as const

export type Theme = (typeof THEMES)[number]

const KEPT_AS = 'mulligan.theme'

export function keptTheme(): Theme {
  const kept = storage()?.getItem(KEPT_AS)
  return THEMES.find(theme => theme === kept) ?? 'auto'
}

/** From now on, and when the page is opened again. */
export function setTheme(theme: Theme): void {
  storage()?.setItem(KEPT_AS, theme)
  document.documentElement.dataset['theme'] = theme
}

/** `undefined` where the browser does not allow any. */
function storage(): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}
