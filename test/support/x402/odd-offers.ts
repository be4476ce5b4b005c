import type { RefusalReason } from '../../../src/x402/choose.js'
import {
  type Answer,
  answerV1,
  answerV2,
  inBody,
  inHeader,
  requirement,
  requirementV1,
  SELLER,
  terms,
  termsV1,
} from './offers.js'

/** A 402 that must not be paid under `POLICY`, and why: a reason of `choose`, or words of why it cannot be read. */
export type OddOffer = readonly [name: string, answer: Answer, why: RefusalReason | RegExp]

const first = (changes: Record<string, unknown>): Answer => answerV2(terms({}, changes))
const firstV1 = (changes: Record<string, unknown>): Answer => answerV1(termsV1({}, changes))
const header = (value: string): Answer => ({ fields: ['PAYMENT-REQUIRED', value], body: Buffer.from('{}') })
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const whole = JSON.stringify(terms())
const without = (name: string): Record<string, unknown> => ({ ...requirement(), [name]: undefined })

const PRICES: readonly OddOffer[] = [
  ['a price beyond the limit', first({ amount: '50001' }), 'amount'],
  ['a huge price', first({ amount: '9'.repeat(77) }), 'amount'],
  ['a price of more than 256 bits', first({ amount: '9'.repeat(78) }), /amount is no decimal/],
  ['a price of a thousand digits', first({ amount: '1'.repeat(1_000) }), /amount is no decimal/],
  ['a negative price', first({ amount: '-5' }), /amount is no decimal/],
  ['a fraction', first({ amount: '0.01' }), /amount is no decimal/],
  ['an exponent', first({ amount: '1e4' }), /amount is no decimal/],
  ['hexadecimal', first({ amount: '0x2710' }), /amount is no decimal/],
  ['a plus sign', first({ amount: '+10000' }), /amount is no decimal/],
  ['spaces around it', first({ amount: ' 10000 ' }), /amount is no decimal/],
  ['digits of another script', first({ amount: '١٠٠' }), /amount is no decimal/],
  ['a number instead of a text', first({ amount: 10_000 }), /amount is no decimal/],
  ['an empty price', first({ amount: '' }), /amount is no decimal/],
  ['no price', answerV2(terms({ accepts: [without('amount')] })), /amount is no decimal/],
  ['a price in a list', first({ amount: ['1'] }), /amount is no decimal/],
  ['the name of version 1', first({ amount: undefined, maxAmountRequired: '1' }), /amount is no decimal/],
]

const PARTIES: readonly OddOffer[] = [
  ['another asset', first({ asset: `0x${'ab'.repeat(20)}` }), 'asset'],
  ['the same contract on another chain', first({ network: 'eip155:8453' }), 'network'],
  ['an asset that is no address', first({ asset: 'USDC' }), /asset is no address/],
  ['an asset that is too short', first({ asset: '0x1234' }), /asset is no address/],
  ['a wrong token name', first({ extra: { name: 'USD Coin', version: '2' } }), 'asset-name'],
  ['a wrong token version', first({ extra: { name: 'USDC', version: '1' } }), 'asset-name'],
  ['no token name', first({ extra: {} }), 'asset-name'],
  ['no extra', first({ extra: undefined }), 'asset-name'],
  ['a token name that is a number', first({ extra: { name: 7, version: '2' } }), /extra\.name is no text/],
  ['extra as a list', first({ extra: [] }), /extra is no object/],
  ['a recipient that is no address', first({ payTo: 'vitalik.eth' }), /payTo is no address/],
  ['a recipient with a line break', first({ payTo: `${SELLER}\n` }), /payTo is no address/],
  ['no recipient', answerV2(terms({ accepts: [without('payTo')] })), /payTo is no address/],
  ['the zero address', first({ payTo: `0x${'0'.repeat(40)}` }), 'recipient'],
  ['a resource of another host', answerV2(terms({ resource: { url: 'https://evil.example/x' } })), 'foreign-resource'],
  ['another port of the host', answerV2(terms({ resource: { url: 'https://api.example:8443/' } })), 'foreign-resource'],
  [
    'a host behind user information',
    answerV2(terms({ resource: { url: 'https://api.example@evil.example/' } })),
    'foreign-resource',
  ],
  [
    'a host with a longer name',
    answerV2(terms({ resource: { url: 'https://api.example.evil/' } })),
    'foreign-resource',
  ],
  ['a resource of no web', answerV2(terms({ resource: { url: 'ftp://api.example/' } })), 'foreign-resource'],
  ['no resource', answerV2(terms({ resource: undefined })), /resource has no url/],
  ['a resource that is a text', answerV2(terms({ resource: 'https://api.example/' })), /resource has no url/],
]

const WAYS: readonly OddOffer[] = [
  ['scheme upto', first({ scheme: 'upto' }), 'scheme'],
  ['a scheme in capitals', first({ scheme: 'EXACT' }), 'scheme'],
  ['an empty scheme', first({ scheme: '' }), /scheme is no text/],
  ['Solana', first({ network: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp' }), 'network'],
  ['a wildcard network', first({ network: 'eip155:*' }), /network is not in CAIP-2/],
  ['a chain with a leading zero', first({ network: 'eip155:084532' }), /network is no EVM chain/],
  ['a chain beyond a double', first({ network: 'eip155:9007199254740993' }), /network is no EVM chain/],
  ['a network name of version 1', first({ network: 'base-sepolia' }), /network is not in CAIP-2/],
  ['money before the answer', first({ extra: { name: 'USDC', version: '2', paymentFlow: 'upfront' } }), 'flow'],
  ['escrow', first({ extra: { name: 'USDC', version: '2', paymentFlow: 'escrow' } }), 'flow'],
  [
    'a flow that is no text',
    first({ extra: { name: 'USDC', version: '2', paymentFlow: true } }),
    /paymentFlow is no text/,
  ],
  ['Permit2', first({ extra: { name: 'USDC', version: '2', assetTransferMethod: 'permit2' } }), 'transfer-method'],
  ['delegation', first({ extra: { name: 'USDC', version: '2', assetTransferMethod: 'erc7710' } }), 'transfer-method'],
  ['seconds as a text', first({ maxTimeoutSeconds: '60' }), /maxTimeoutSeconds/],
  ['no time', first({ maxTimeoutSeconds: 0 }), /maxTimeoutSeconds/],
  ['negative time', first({ maxTimeoutSeconds: -1 }), /maxTimeoutSeconds/],
  ['half a second', first({ maxTimeoutSeconds: 60.5 }), /maxTimeoutSeconds/],
  ['endless time', inHeader(whole.replace('"maxTimeoutSeconds":60', '"maxTimeoutSeconds":1e400')), /maxTimeoutSeconds/],
  ['too little time to arrive', first({ maxTimeoutSeconds: 6 }), 'validity'],
]

const TEXTS: readonly OddOffer[] = [
  ['an empty header', header(''), /not standard base64/],
  ['no base64', header('!!!'), /not standard base64/],
  [
    'the URL alphabet',
    header(base64('{"x":"???>>>"}').replaceAll('/', '_').replaceAll('+', '-')),
    /not standard base64|version 2/,
  ],
  [
    'base64 without its padding',
    header(base64(`${whole} `.padEnd(301)).replace(/=+$/, '')),
    /not standard base64|accepts/,
  ],
  [
    'base64 with a line break',
    header(`${base64(whole).slice(0, 76)} ${base64(whole).slice(76)}`),
    /not standard base64/,
  ],
  ['bits beyond the padding', header('e31='), /not standard base64/],
  [
    'a header twice',
    { fields: [...answerV2(terms()).fields, ...answerV2(terms()).fields], body: Buffer.from('{}') },
    /more than once/,
  ],
  ['a header of 70 kB', answerV2(terms({ extensions: { pad: 'x'.repeat(70_000) } })), /longer than 64 KiB/],
  ['half of the JSON', inHeader(whole.slice(0, -9)), /not JSON/],
  ['something after the JSON', inHeader(`${whole}{}`), /not JSON/],
  ['a byte order mark', inHeader(`\ufeff${whole}`), /not JSON/],
  ['no UTF-8', inHeader(Buffer.from(whole.replace('USDC', 'US\xffC'), 'latin1')), /not JSON/],
  ['a comment', inHeader(whole.replace('{', '{/**/')), /not JSON/],
  ['nesting without end', inHeader(`${'['.repeat(9_000)}${']'.repeat(9_000)}`), /not JSON/],
  ['a list', inHeader('[1]'), /no JSON object/],
  ['null', inHeader('null'), /no JSON object/],
  ['two prices in one requirement', inHeader(whole.replace('"amount":', '"amount":"1","amount":')), /two members/],
  ['two prices, one in disguise', inHeader(whole.replace('"amount":', '"\\u0061mount":"1","amount":')), /two members/],
  ['two lists', inHeader(whole.replace('"accepts":', '"accepts":[],"accepts":')), /two members/],
  ['version 3', answerV2(terms({ x402Version: 3 })), /not of version 2/],
  ['version 1 in the header', answerV2(termsV1()), /not of version 2/],
  ['a version in quotes', answerV2(terms({ x402Version: '2' })), /not of version 2/],
  ['nothing to choose', answerV2(terms({ accepts: [] })), /lists nothing/],
  ['no list', answerV2(terms({ accepts: requirement() })), /lists nothing/],
  [
    'a hundred ways to pay',
    answerV2(terms({ accepts: Array.from({ length: 100 }, () => requirement()) })),
    /more than 64/,
  ],
  [
    'a good way beside a broken one',
    answerV2(terms({ accepts: [requirement(), requirement({ amount: '-1' })] })),
    /accepts\.1/,
  ],
  ['null among the ways', answerV2(terms({ accepts: [null] })), /accepts\.0: is no object/],
  ['extensions as a text', answerV2(terms({ extensions: 'x' })), /extensions is no object/],
  ['version 2 in the body alone', inBody(whole), /accept_body_v2 is off/],
  ['a broken header above a good body', { ...header('!!!'), body: answerV1(termsV1()).body }, /not standard base64/],
]

const FIRST_VERSION: readonly OddOffer[] = [
  ['v1: an empty body', inBody(''), /not JSON/],
  ['v1: a body without end', inBody(JSON.stringify(termsV1({ pad: 'x'.repeat(300_000) }))), /longer than 256 KiB/],
  ['v1: a page', inBody('<html>Payment Required</html>'), /not JSON/],
  ['v1: no version', answerV1({ accepts: [requirementV1()] }), /no terms of a version/],
  ['v1: a price beyond the limit', firstV1({ maxAmountRequired: '50001' }), 'amount'],
  ['v1: a price that is a number', firstV1({ maxAmountRequired: 100 }), /maxAmountRequired/],
  ['v1: another network', firstV1({ network: 'base' }), 'network'],
  ['v1: a network that nobody knows', firstV1({ network: 'moon' }), 'network'],
  ['v1: a wrong token name', firstV1({ extra: { name: 'FakeUSD', version: '2' } }), 'asset-name'],
  ['v1: no extra', firstV1({ extra: null }), 'asset-name'],
  ['v1: a resource of another host', firstV1({ resource: 'https://evil.example/weather' }), 'foreign-resource'],
  ['v1: no resource', firstV1({ resource: undefined }), /resource is no text/],
  [
    'v1: two prices',
    inBody(JSON.stringify(termsV1()).replace('"network":', '"payTo":"0x0","network":')),
    /two members/,
  ],
  [
    'v1: a cheap way behind a dear one of the same network',
    answerV1(termsV1({ accepts: [requirementV1({ maxAmountRequired: '50001' }), requirementV1()] })),
    'amount',
  ],
]

export const ODD_OFFERS: readonly OddOffer[] = [...PRICES, ...PARTIES, ...WAYS, ...TEXTS, ...FIRST_VERSION]
