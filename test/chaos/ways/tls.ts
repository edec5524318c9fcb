/** TLS without a certificate, so that no key has to lie in the repository. */
export const TLS = { ciphers: "AECDH-AES256-SHA:@SECLEVEL=0", maxVersion: "TLSv1.2", rejectUnauthorized: false } as const;
