package debian

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// keyring is a set of trusted keys and where they are from.
type keyring struct {
	keys openpgp.EntityList
	from string
}

func readKeyrings(rings []string) (*keyring, error) {
	k := &keyring{}
	var names []string
	for _, r := range rings {
		data, name := []byte(r), "a key in apt's sources"
		if !strings.HasPrefix(r, "-----BEGIN") {
			var err error
			if data, err = os.ReadFile(r); err != nil {
				return nil, fmt.Errorf("reading a key ring: %w; install the package debian-archive-keyring, or name a file with --keyring FILE", err)
			}
			name = r
		}
		read := openpgp.ReadKeyRing
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN")) {
			read = openpgp.ReadArmoredKeyRing
		}
		keys, err := read(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("reading the key ring %s: %w; name another with --keyring FILE", name, err)
		}
		k.keys = append(k.keys, keys...)
		names = append(names, name)
	}
	k.from = strings.Join(names, ", ")
	if len(k.keys) == 0 {
		return nil, errors.New("no key to check signatures with: install the package debian-archive-keyring, or name a file with --keyring FILE")
	}
	return k, nil
}

// open returns the text of the clear-signed file name if one of its signatures, at the time now,
// is good. Debian signs with several keys, of which an older machine knows only some.
func (k *keyring) open(name string, data []byte, now time.Time) ([]byte, error) {
	block, rest := clearsign.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is not a signed file; the mirror, or a proxy or portal before it, sent something else: %.60q", name, data)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s has %d bytes after its signature; the mirror is broken or somebody tampers with it", name, len(rest))
	}
	var failures []string
	expired := false
	packets := packet.NewOpaqueReader(block.ArmoredSignature.Body)
	for {
		p, err := packets.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			failures = append(failures, err.Error())
			break
		}
		var one bytes.Buffer
		if err := p.Serialize(&one); err != nil {
			return nil, fmt.Errorf("reading the signature of %s: %w", name, err)
		}
		signer := issuer(p)
		_, err = openpgp.CheckDetachedSignature(k.keys, bytes.NewReader(block.Bytes), &one, &packet.Config{Time: func() time.Time { return now }})
		if err == nil {
			return block.Plaintext, nil
		}
		expired = expired || errors.Is(err, pgperrors.ErrKeyExpired)
		failures = append(failures, fmt.Sprintf("key %s: %v", signer, err))
	}
	fix := "update the package debian-archive-keyring, or name the right keys with --keyring FILE"
	if expired {
		fix = "the key has expired: " + fix
	}
	return nil, fmt.Errorf("the signature of %s is not good (%s; checked with %s); %s", name, strings.Join(failures, "; "), k.from, fix)
}

// issuer is the ID of the key that a signature says made it.
func issuer(p *packet.OpaquePacket) string {
	parsed, err := p.Parse()
	if s, ok := parsed.(*packet.Signature); err == nil && ok && s.IssuerKeyId != nil {
		return fmt.Sprintf("%016X", *s.IssuerKeyId)
	}
	return "unknown"
}
