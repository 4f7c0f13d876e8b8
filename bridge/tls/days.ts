/** How long certificates are valid. */

/** Nobody wants to visit every phone of the house again. */
export const AUTHORITY_DAYS = 3650
/** Devices are in walls and under roofs; revoking one is a matter of the bridge, not of its certificate. */
export const DEVICE_DAYS = 3650
/** Apple takes no longer ones, also from authorities that people added themselves. */
export const MAX_SERVER_DAYS = 825
export const SERVER_DAYS = 820
