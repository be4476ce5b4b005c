type Props = { readonly label: string; readonly share: number; readonly tone: 'good' | 'warn' | 'bad' | 'plain' }

/** A part of a whole, from 0 to 1. */
export const Bar = ({ label, share, tone }: Props) => (
  <span class="meter" role="img" aria-label={label} title={label}>
    <i class={`fill ${tone}`} style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
  </span>
)
