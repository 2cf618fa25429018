package oidcgate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signers are one published key.
func signers(t *testing.T) []jose.JSONWebKey {
	t.Helper()
	return []jose.JSONWebKey{{Key: newKey(t).Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}
}

// foreign is a token signed by a key of its own.
func foreign(t *testing.T) string {
	t.Helper()
	return signedBy(t, newKey(t), `{"iss":"x"}`)
}

// signedBy is a token with these claims.
func signedBy(t *testing.T, key *ecdsa.PrivateKey, claims string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
