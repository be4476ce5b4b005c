import { Socket } from 'node:net'
import { atOnce } from '../time/clock.js'
import { SharedRead } from '../wire/shared-read.js'

/** Where `net` keeps what its `onread` option said. */
type Slots = { readonly buffer: symbol; readonly next: symbol; readonly callback: symbol }

type Handle = { readonly useUserBuffer?: unknown }

/** Releases that have them, as tests with each have shown. */
const KNOWN = /^2[0-4]\./

let slots: Slots | undefined
let isSought = false

/** Who is told the reads of a socket now. */
type Reader = { receive: (chunk: Buffer) => boolean }

const readers = new WeakMap<Socket, Reader>()

/**
 * Gives an accepted socket what a connecting one is given by the `onread` option of `net`; for accepted ones there is no
 * documented way. Whoever takes a socket over is told instead of the one before: the kernel may have its buffer already.
 * @param receive see `SharedRead` @returns false where it is missing: the socket emits `data`
 */
export function receiveInto(socket: Socket, receive: Reader['receive']): boolean {
  const known = readers.get(socket)
  if (known !== undefined) known.receive = receive
  return known !== undefined || begin(socket, { receive })
}

function begin(socket: Socket, reader: Reader): boolean {
  if (!isSought) slots = findSlots()
  isSought = true
  const handle = (socket as { _handle?: Handle | null })._handle
  // Those that read from other than the kernel have buffers anyway.
  if (slots === undefined || Object.getPrototypeOf(socket) !== Socket.prototype) return false
  if (typeof handle?.useUserBuffer !== 'function') return false
  const { buffer, callback, close } = new SharedRead(
    chunk => atOnce(reader.receive, chunk),
    () => socket.destroy(),
  )
  handle.useUserBuffer(buffer())
  Object.assign(socket, { [slots.buffer]: buffer(), [slots.next]: buffer, [slots.callback]: callback })
  socket.on('close', close)
  readers.set(socket, reader)
  return true
}

function findSlots(): Slots | undefined {
  if (process.platform === 'win32' || !KNOWN.test(process.versions.node)) return undefined
  const symbols = Object.getOwnPropertySymbols(new Socket())
  const named = (name: string) => symbols.find(({ description }) => description === name)
  const [buffer, next, callback] = [named('kBuffer'), named('kBufferGen'), named('kBufferCb')]
  return buffer && next && callback && { buffer, next, callback }
}
