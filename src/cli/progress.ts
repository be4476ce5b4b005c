import type { Output } from './command.js'

/** One line that says what is going on, on a terminal only. */
export type Progress = { readonly say: (text: string) => void; readonly done: () => void }

export function createProgress(output: Output): Progress {
  if (output.isTTY !== true) return { say: () => undefined, done: () => undefined }
  // "Erase the line" and back to its start: whatever stood there is gone.
  const clear = '\r\x1b[2K'
  return {
    say: text => output.write(`${clear}… ${text.slice(0, (output.columns || 80) - 3)}`),
    done: () => output.write(clear),
  }
}
