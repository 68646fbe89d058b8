package jwtlite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

func block(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// certificate returns a self-signed certificate.
func certificate(t testing.TB, key crypto.Signer, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).Lsh(big.NewInt(1), 150), Subject: pkix.Name{CommonName: "signer", Organization: []string{"Exämple"}},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0), // long over
		DNSNames: []string{strings.Repeat("long.", 40) + "example.com"},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// version1 changes a certificate to one of version 1, which has neither a version nor
// extensions. Its signature is then invalid, but not checked.
func version1(t *testing.T, der []byte) []byte {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	type validity struct{ NotBefore, NotAfter time.Time }
	type body struct {
		Serial    *big.Int
		Algorithm pkix.AlgorithmIdentifier
		Issuer    asn1.RawValue
		Validity  validity
		Subject   asn1.RawValue
		Key       asn1.RawValue
	}
	type certificate struct {
		Body      body
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	raw := func(der []byte) asn1.RawValue { return asn1.RawValue{FullBytes: der} }
	algorithm := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}
	old, err := asn1.Marshal(certificate{
		body{c.SerialNumber, algorithm, raw(c.RawIssuer), validity{c.NotBefore, c.NotAfter}, raw(c.RawSubject), raw(c.RawSubjectPublicKeyInfo)},
		algorithm, asn1.BitString{Bytes: c.Signature, BitLength: 8 * len(c.Signature)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := x509.ParseCertificate(old); err != nil || again.Version != 1 {
		t.Fatalf("%v: version %d", err, again.Version)
	}
	return old
}

// A certificate and a key of PKCS #1 give the same Key as the SubjectPublicKeyInfo.
func TestPEMLabels(t *testing.T) {
	s := testSigners()
	for name, test := range map[string]struct {
		pem  string
		want *Key
	}{
		"PKCS #1":                  {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&s.rsa.PublicKey)), s.set.Key(0)},
		"RSA certificate":          {block("CERTIFICATE", certificate(t, s.rsa, nil)), s.set.Key(0)},
		"EC certificate":           {block("CERTIFICATE", certificate(t, s.ec, nil)), s.set.Key(1)},
		"CA certificate":           {block("CERTIFICATE", certificate(t, s.ec, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })), s.set.Key(1)},
		"certificate of version 1": {block("CERTIFICATE", version1(t, certificate(t, s.ec, nil))), s.set.Key(1)},
		"CRLF and space round":     {" \r\n" + strings.ReplaceAll(block("CERTIFICATE", certificate(t, s.ec, nil)), "\n", "\r\n") + "\t", s.set.Key(1)},
	} {
		k, err := ParsePublicKeyPEM([]byte(test.pem), "k", first(test.want))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if string(k.SPKI()) != string(test.want.SPKI()) || k.ID() != "k" {
			t.Errorf("%s: %x", name, k.SPKI())
		}
	}
}

func TestPEMLabelErrors(t *testing.T) {
	s := testSigners()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(s.ec)
	if err != nil {
		t.Fatal(err)
	}
	spki := s.set.Key(1).SPKI()
	cert := certificate(t, s.ec, nil)
	at := strings.Index(string(cert), string(spki))
	good := block("CERTIFICATE", cert)
	broken := func(i int) string {
		der := append([]byte(nil), cert...)
		der[i] ^= 1
		return block("CERTIFICATE", der)
	}
	for name, test := range map[string]struct {
		pem  string
		alg  Algorithm
		want error
	}{
		"two certificates":           {good + good, 0, errPEM},
		"text before":                {"subject=signer\n" + good, 0, errPEM},
		"a request":                  {block("CERTIFICATE REQUEST", cert), 0, errPEM},
		"an RSA private key":         {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(s.rsa)), 0, errPEM},
		"an EC private key":          {block("EC PRIVATE KEY", sec1), 0, errPEM},
		"no label":                   {block("", spki), 0, errPEM},
		"labels that differ":         {strings.Replace(good, "END CERT", "END cert", 1), 0, errPEM},
		"labels of other kinds":      {strings.Replace(block("PUBLIC KEY", spki), "END PUBLIC KEY", "END CERTIFICATE", 1), 0, errPEM},
		"SPKI as certificate":        {block("CERTIFICATE", spki), 0, errCertificate},
		"SPKI as PKCS #1":            {block("RSA PUBLIC KEY", s.set.Key(0).SPKI()), 0, errPKCS1},
		"private PKCS #1":            {block("RSA PUBLIC KEY", x509.MarshalPKCS1PrivateKey(s.rsa)), 0, errPKCS1},
		"certificate as SPKI":        {block("PUBLIC KEY", cert), 0, errSPKI},
		"cut short":                  {block("CERTIFICATE", cert[:len(cert)-1]), 0, errCertificate},
		"cut before the key":         {block("CERTIFICATE", cert[:at]), 0, errCertificate},
		"bytes after":                {block("CERTIFICATE", append(cert[:len(cert):len(cert)], 0)), 0, errCertificate},
		"another tag":                {broken(0), 0, errCertificate},
		"point off the curve":        {broken(at + len(spki) - 1), 0, errNotOnCurve},
		"P-224":                      {block("CERTIFICATE", certificate(t, p224, nil)), 0, errCurve},
		"EC certificate for RS256":   {good, RS256, errAlgorithmType},
		"RSA key for ES256":          {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&s.rsa.PublicKey)), ES256, errAlgorithmType},
		"a key of 1024 bits":         {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 3})), 0, errModulusSize},
		"larger than any key can be": {strings.Replace(good, "\n", "\n"+strings.Repeat("\n", maxPEMSize), 1), 0, errPEM},
	} {
		if k, err := ParsePublicKeyPEM([]byte(test.pem), "", test.alg); k != nil || err != test.want || !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A certificate that is cut off or changed gives the key in it or an error, and never a
// key that the standard library does not find there.
func FuzzParseCertificate(f *testing.F) {
	s := testSigners()
	f.Add(certificate(f, s.rsa, nil))
	f.Add(certificate(f, s.ec, nil))
	f.Fuzz(func(t *testing.T, der []byte) {
		k, err := parseCertificate(der)
		if err != nil {
			return
		}
		if !strings.Contains(string(der), string(k.SPKI())) {
			t.Fatalf("%x has no %x", der, k.SPKI())
		}
		checkKey(t, k)
		if c, err := x509.ParseCertificate(der); err == nil && string(c.RawSubjectPublicKeyInfo) != string(k.SPKI()) {
			t.Fatalf("%x: %x, want %x", der, k.SPKI(), c.RawSubjectPublicKeyInfo)
		}
	})
}
