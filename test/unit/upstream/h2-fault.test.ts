import t from 'tap'
import { H2_CODES, type StreamDeath, streamFault } from '../../../src/upstream/h2-fault.js'

const death = (changes: Partial<StreamDeath> = {}): StreamDeath => ({
  code: 0,
  error: '',
  lost: false,
  disowned: false,
  headSeen: false,
  short: false,
  reused: true,
  silent: false,
  ...changes,
})

const code = (name: (typeof H2_CODES)[number]): number => H2_CODES.indexOf(name)
const refused = { fault: 'connection_terminated', phase: 'stream_refused' }
const reset = { fault: 'connection_terminated', phase: 'reset' }

t.test('R1: how far an attempt over HTTP/2 came, by what its stream closed with', t => {
  const session = { lost: true, error: 'ERR_HTTP2_SESSION_ERROR' }
  const cases: [string, Partial<StreamDeath>, { fault: string; phase: string }][] = [
    ['REFUSED_STREAM', { code: code('REFUSED_STREAM') }, refused],
    ['HTTP_1_1_REQUIRED', { code: code('HTTP_1_1_REQUIRED') }, refused],
    ['above the GOAWAY id', { code: code('CANCEL'), lost: true, disowned: true }, refused],
    ['above the id of a GOAWAY with an error', { ...session, code: 2, disowned: true }, refused],
    ['at or below the GOAWAY id, connection lost', { code: code('CANCEL'), lost: true }, reset],
    ['at or below the id of a GOAWAY that calls itself a refusal', { ...session, code: code('REFUSED_STREAM') }, reset],
    ['GOAWAY with an error', { ...session, code: code('INTERNAL_ERROR') }, reset],
    ['GOAWAY that blames us', { ...session, code: code('PROTOCOL_ERROR') }, reset],
    ['another RST_STREAM', { code: code('INTERNAL_ERROR') }, reset],
    ['RST_STREAM without an error', { code: code('NO_ERROR') }, reset],
    ['RST_STREAM with a code that nobody knows', { code: 4_711 }, reset],
    [
      'reused, and no byte since',
      { lost: true, silent: true, code: code('CANCEL') },
      { fault: 'connection_terminated', phase: 'stale' },
    ],
    ['new, and no byte since', { lost: true, silent: true, reused: false, code: code('CANCEL') }, reset],
    ['malformed head', { code: code('PROTOCOL_ERROR') }, { fault: 'http_protocol_error', phase: 'junk' }],
    [
      'malformed frames',
      { lost: true, error: 'ERR_HTTP2_ERROR', code: 2 },
      { fault: 'http_protocol_error', phase: 'junk' },
    ],
    ['after the head', { headSeen: true, code: 2 }, { fault: 'connection_terminated', phase: 'answered' }],
    [
      'after the head, refused',
      { headSeen: true, code: code('REFUSED_STREAM') },
      { fault: 'connection_terminated', phase: 'answered' },
    ],
    [
      'fewer bytes than announced',
      { headSeen: true, short: true, code: code('PROTOCOL_ERROR') },
      { fault: 'http_response_incomplete', phase: 'answered' },
    ],
    [
      'more bytes than announced',
      { headSeen: true, code: code('PROTOCOL_ERROR') },
      { fault: 'http_protocol_error', phase: 'answered' },
    ],
  ]
  for (const [name, changes, wanted] of cases) t.match(streamFault(death(changes)), wanted, name)
  t.match(streamFault(death({ code: 4_711 })).details, /code 4711/)
  t.end()
})
