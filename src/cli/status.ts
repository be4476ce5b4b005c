import { z } from 'zod'
import type { CredentialAnswer, StatusAnswer } from '../admin/status.js'
import { systemClock } from '../time/clock.js'
import { NoDaemonError, readAdmin } from './admin-client.js'
import type { CommandInput } from './command.js'
import { configOf } from './config-flags.js'
import { createPaint, type Paint, table } from './paint.js'
import { describeSpan } from './span.js'

/** Whatever answers on that port, the terminal must not act on it. */
const said = () => z.string().transform(text => text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '.'))

const count = () => z.number().nonnegative()

/** Loose: a newer daemon may say more, and `--json` prints it. */
const credentialAnswer = z.looseObject({
  name: said(),
  source: said(),
  state: z.enum(['none', 'valid', 'renewing', 'cooling', 'needs_login']),
  usable: z.boolean(),
  generation: count(),
  token: said().nullable(),
  expires_at: z.iso.datetime().nullable(),
  age_s: count().nullable(),
  retry_after_s: count(),
  error: said().nullable(),
}) satisfies z.ZodType<CredentialAnswer>

const statusAnswer = z.looseObject({
  version: said(),
  pid: count(),
  uptime_s: count(),
  draining: z.boolean(),
  proxy: z.array(said()),
  mounts: said(),
  credentials: z.array(credentialAnswer),
}) satisfies z.ZodType<StatusAnswer>

/** `mulligan status`: what the running daemon of this configuration is doing. */
export async function run(input: CommandInput): Promise<number> {
  const { stdout, stderr, env } = input.io
  const { config } = await configOf(input)
  try {
    const status = await readAdmin(config.listen.admin, '/v1/status', json => statusAnswer.safeParse(json).data)
    const asJson = input.values['json'] === true
    stdout.write(
      asJson
        ? `${JSON.stringify(status, undefined, 2)}\n`
        : toText(status, createPaint(stdout, env), systemClock.now()),
    )
    return 0
  } catch (error) {
    if (!(error instanceof NoDaemonError)) throw error
    stderr.write(`${createPaint(stderr, env)('red', 'mulligan')}: ${error.message}\n`)
    return 3
  }
}

function toText(status: StatusAnswer, paint: Paint, now: number): string {
  const { version, pid, uptime_s, draining, proxy, mounts, credentials } = status
  const end = draining ? `, ${paint('yellow', 'draining')}: it ends when what runs is done` : ''
  const rows: [string, string][] = [
    ['proxy', proxy.join(', ')],
    ['mounts', mounts === 'same' ? 'same as proxy' : mounts],
  ]
  const head = `${paint('bold', `mulligan ${version}`)}, process ${pid}, up for ${describeSpan(uptime_s)}${end}\n\n`
  const addresses = table(rows.map(([name, text]) => [paint('cyan', name), text]))
  if (credentials.length === 0) return head + addresses
  const described = credentials.flatMap(credential => credentialRows(credential, paint, now))
  return `${head}${addresses}\n${paint('bold', 'Credentials')}\n\n${table(described)}`
}

function credentialRows(credential: CredentialAnswer, paint: Paint, now: number): string[][] {
  const { name, source, retry_after_s, error } = credential
  const again = retry_after_s > 0 ? `; not asked again for ${describeSpan(retry_after_s)}` : ''
  return [
    [paint('cyan', name), `${stateOf(credential, paint)}; ${tokenOf(credential, now)}`],
    ['', source],
    ...(error === null ? [] : [['', `${error}${again}`]]),
  ]
}

function stateOf({ state }: CredentialAnswer, paint: Paint): string {
  switch (state) {
    case 'none':
      return 'asked when a request needs it'
    case 'valid':
      return paint('green', 'valid')
    case 'renewing':
      return paint('green', 'renewing')
    case 'cooling':
      return paint('yellow', 'failed')
    case 'needs_login':
      return paint('red', 'failed until you do something')
  }
}

function tokenOf({ usable, generation, token, expires_at }: CredentialAnswer, now: number): string {
  if (generation === 0) return 'no token'
  const which = `token ${generation}${token === null ? '' : ` (${token})`}`
  if (!usable) return `${which} has ended`
  if (expires_at === null) return `${which} does not say when it ends`
  return `${which} ends in ${describeSpan((Date.parse(expires_at) - now) / 1_000)}`
}
