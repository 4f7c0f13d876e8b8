/** Drawn on a grid of 20, in the colour of the text around them. Decoration: the words beside them are the name. */

import type { ComponentChildren } from 'preact'

function Icon({ children, size = 18 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  )
}

export const BrandIcon = () => (
  <svg
    width="24"
    height="24"
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d="M1.500 8.500h6L9.500 4l3 8 2-3.500h8" />
    <path d="M3.500 20.500 5.800 12M10 20.500 7.700 12M4.600 16.500h4.300M14 20.500l2.300-8.500M20.500 20.500 18.200 12M15.100 16.500h4.300M2.500 12h19" />
  </svg>
)
export const FleetIcon = () => (
  <Icon>
    <path d="M2 5h3M2 10h3M2 15h3M8 5.500c1.500-1.500 3-1.500 4.500-.5s3 1 5.500-.5M8 10.500c1.500-1.500 3-1.500 4.500-.5s3 1 5.500-.5M8 15.500c1.500-1.500 3-1.500 4.500-.5s3 1 5.500-.5" />
  </Icon>
)
export const MessagesIcon = () => (
  <Icon>
    <path d="M2 5h11M2 10h16M2 15h11M16.500 5h.01M16.500 15h.01" />
  </Icon>
)
export const HealthIcon = () => (
  <Icon>
    <path d="M1.500 5h17M2.500 16.500 4.600 5M8.500 16.500 6.400 5M3.500 11.500h4M11.500 16.500 13.600 5M17.500 16.500 15.400 5M12.500 11.500h4" />
  </Icon>
)
export const PhoneIcon = () => (
  <Icon>
    <rect x="6.500" y="2.500" width="7" height="15" rx="1.800" />
    <path d="M3 7.500c-.8 1.600-.8 3.400 0 5M17 7.500c.8 1.600.8 3.400 0 5" />
  </Icon>
)
export const LockIcon = () => (
  <Icon size={16}>
    <rect x="4.500" y="9" width="11" height="7.500" rx="1.500" />
    <path d="M7 9V6.500a3 3 0 0 1 6 0V9" />
  </Icon>
)
export const StopIcon = () => (
  <Icon size={15}>
    <rect x="4" y="4" width="12" height="12" rx="2" fill="currentColor" stroke="none" />
  </Icon>
)
export const LiveIcon = () => (
  <Icon size={15}>
    <circle cx="10" cy="10" r="3" fill="currentColor" stroke="none" />
    <path d="M5.500 4.500a8 8 0 0 0 0 11M14.500 4.500a8 8 0 0 1 0 11" />
  </Icon>
)
export const WarningIcon = () => (
  <Icon size={15}>
    <path d="M10 3 1.800 17h16.400zM10 8.500v3.500M10 14.600v.01" />
  </Icon>
)
export const SearchIcon = () => (
  <Icon size={16}>
    <circle cx="8.500" cy="8.500" r="5.500" />
    <path d="m13 13 4.500 4.500" />
  </Icon>
)
export const DownIcon = () => (
  <Icon size={13}>
    <path d="m4 7 6 6 6-6" />
  </Icon>
)
export const BackIcon = () => (
  <Icon size={15}>
    <path d="m12 4-6 6 6 6" />
  </Icon>
)
export const PlusIcon = () => (
  <Icon size={15}>
    <path d="M10 3.500v13M3.500 10h13" />
  </Icon>
)
export const DotsIcon = () => (
  <Icon size={16}>
    <path d="M4 10h.01M10 10h.01M16 10h.01" stroke-width="2.600" />
  </Icon>
)
export const CopyIcon = () => (
  <Icon size={14}>
    <rect x="7" y="7" width="10.500" height="10.500" rx="2" />
    <path d="M13 7V4.500a2 2 0 0 0-2-2H4.500a2 2 0 0 0-2 2V11a2 2 0 0 0 2 2H7" />
  </Icon>
)
export const CheckIcon = () => (
  <Icon size={14}>
    <path d="m3.500 10.500 4.500 4.500 8.500-10" />
  </Icon>
)
export const PauseIcon = () => (
  <Icon size={14}>
    <path d="M6.500 4v12M13.500 4v12" stroke-width="2.200" />
  </Icon>
)
export const PlayIcon = () => (
  <Icon size={14}>
    <path d="M5.500 3.500v13l11-6.500z" />
  </Icon>
)
export const DownloadIcon = () => (
  <Icon size={15}>
    <path d="M10 3v9.500M6 9l4 4 4-4M3.500 16.500h13" />
  </Icon>
)
