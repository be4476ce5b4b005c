import type { OAuth2Settings } from '../config/credential.js'
import { type Millis, millis, seconds } from '../time/units.js'
import { LOCK_LASTS } from './file-lock.js'
import { shownUrl, wanted } from './oauth2-settings.js'
import { passed } from './patience.js'
import { type SessionHome, sessionPrint } from './refresh-session.js'
import { RefreshTokenStore } from './refresh-token-store.js'
import { SourceError } from './source.js'
import { type Failed, type Refused, toSourceError } from './token-answer.js'
import { askForDevice, askForToken, type OAuth2World } from './token-endpoint.js'

/** What the user does in a browser, anywhere. Safe to print. */
export type LoginPrompt = {
  readonly uri: string
  readonly code: string
  /** With the code in it, when the server makes one. */
  readonly completeUri: string | undefined
  readonly expiresIn: Millis
}

type Device = { readonly prompt: LoginPrompt; readonly deviceCode: string; readonly interval: Millis }

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

/** RFC 8628 §3.5: when the server says nothing, and what `slow_down` adds. */
const INTERVAL = seconds(5)
/** In seconds; no user takes a day. */
const LONGEST_LOGIN = 86_400

/**
 * A login on another device (RFC 8628): shows the user where to go, waits until that is done, and keeps the refresh
 * token. Daemons that watch the file go on with it.
 * @param show is told once @throws SourceError: refused, too late, or the signal
 */
export async function deviceLogin(
  settings: OAuth2Settings,
  world: OAuth2World,
  home: Pick<SessionHome, 'state' | 'name'>,
  show: (prompt: LoginPrompt) => void,
  signal: AbortSignal,
): Promise<void> {
  const store = new RefreshTokenStore(home.state, home.name, world.clock)
  const device = await begin(settings, world, signal)
  show(device.prompt)
  const refreshToken = await poll(settings, world, device, signal)
  await keep(settings, world, store, refreshToken)
}

async function begin(settings: OAuth2Settings, world: OAuth2World, signal: AbortSignal): Promise<Device> {
  const { device_url: url } = settings
  if (url === undefined) throw new SourceError('a login needs to know the device authorization endpoint', true)
  const said = await askForDevice(settings, world, url, wanted(settings), signal)
  if (said.kind !== 'json') throw toSourceError(shownUrl(url), said)
  const device = readDevice(said.json)
  if (device === undefined) throw new SourceError(`${shownUrl(url)} gave no device code as RFC 8628 wants it`, false)
  return device
}

function readDevice(json: Readonly<Record<string, unknown>>): Device | undefined {
  const { device_code: deviceCode, user_code: code, expires_in: life, interval } = json
  // Google's name for it is older than the RFC's.
  const uri = asUrl(json['verification_uri'] ?? json['verification_url'])
  if (typeof deviceCode !== 'string' || deviceCode === '' || uri === undefined) return undefined
  // The terminal must not act on what a server sends.
  if (typeof code !== 'string' || !/^[\x20-\x7e]{1,64}$/.test(code)) return undefined
  if (typeof life !== 'number' || !(life > 0 && life <= LONGEST_LOGIN)) return undefined
  const pause = typeof interval === 'number' && interval > 0 && interval <= life ? seconds(interval) : INTERVAL
  const completeUri = asUrl(json['verification_uri_complete'])
  return { prompt: { uri, code, completeUri, expiresIn: seconds(life) }, deviceCode, interval: pause }
}

function asUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined
  const { protocol, href } = new URL(value)
  return protocol === 'https:' || protocol === 'http:' ? href : undefined
}

async function poll(
  settings: OAuth2Settings,
  world: OAuth2World,
  device: Device,
  signal: AbortSignal,
): Promise<string> {
  const { clock } = world
  const body = { ...settings.params, device_code: device.deviceCode }
  const expiry = new AbortController()
  const cancel = clock.schedule(device.prompt.expiresIn, () => expiry.abort())
  const over = AbortSignal.any([signal, expiry.signal])
  try {
    for (let pause = device.interval; ; ) {
      await passed(clock, pause, over)
      const answer = over.aborted ? undefined : await askForToken(settings, world, DEVICE_CODE, body, over)
      if (signal.aborted) throw new SourceError('the login was given up', false)
      if (expiry.signal.aborted) throw new SourceError('the login took too long: its code has expired', false)
      if (answer?.kind === 'granted') return theRefreshToken(answer.refreshToken, settings)
      if (answer !== undefined) pause = nextPause(pause, answer, settings)
    }
  } finally {
    cancel()
  }
}

/** RFC 8628 §3.5. @throws SourceError when there is no use in asking again */
function nextPause(pause: Millis, answer: Refused | Failed, settings: OAuth2Settings): Millis {
  if (answer.kind === 'refused' && answer.code === 'authorization_pending') return pause
  if (answer.kind === 'refused' && answer.code === 'slow_down') return millis(pause + INTERVAL)
  // A server that is down is asked less often from then on.
  if (answer.kind === 'failed' && answer.again) return millis(Math.max(pause * 2, answer.retryAfter ?? 0))
  throw toSourceError(shownUrl(settings.token_url), answer)
}

function theRefreshToken(refreshToken: string | undefined, { token_url }: OAuth2Settings): string {
  if (refreshToken !== undefined) return refreshToken
  const advice = 'many servers want the scope offline_access for it'
  throw new SourceError(`${shownUrl(token_url)} gave no refresh token; ${advice}`, false)
}

/** @throws SourceError: a session that is not kept is none */
async function keep(
  settings: OAuth2Settings,
  world: OAuth2World,
  store: RefreshTokenStore,
  refreshToken: string,
): Promise<void> {
  const { session } = await sessionPrint({ settings, world })
  try {
    const unlock = await store.lock(LOCK_LASTS)
    try {
      await store.write(session, { refreshToken, access: undefined })
    } finally {
      await unlock?.()
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    throw new SourceError(`cannot write ${store.path} (${code})`, false)
  }
}
