/** Of the clients `worker` and `post-app` that `startOidc` knows; `device-app` has none. Each sign of it needs encoding. */
export const SECRET = 'S3cret/with+signs:and%more'
