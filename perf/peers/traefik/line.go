// Package line is what Traefik has no middleware for: the token, kept once verified, and the request id.
package line

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Most tokens that are kept; when there are more, all are forgotten.
const most = 10000

// Config is what the file of routes says.
type Config struct {
	Secret   string `json:"secret"`
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	Scope    string `json:"scope"`
}

// CreateConfig gives an empty one.
func CreateConfig() *Config { return &Config{} }

type claims struct {
	Iss, Aud, Sub, Scope string
	Exp                  int64
}

type line struct {
	next  http.Handler
	said  *Config
	mutex sync.Mutex
	kept  map[string]*claims
}

// New makes the middleware of one router.
func New(_ context.Context, next http.Handler, said *Config, _ string) (http.Handler, error) {
	return &line{next: next, said: said, kept: map[string]*claims{}}, nil
}

func (l *line) verify(token string) *claims {
	l.mutex.Lock()
	found := l.kept[token]
	l.mutex.Unlock()
	if found != nil {
		return found
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	var algorithm struct{ Alg string }
	if err != nil || json.Unmarshal(head, &algorithm) != nil || algorithm.Alg != "HS256" {
		return nil
	}
	digest := hmac.New(sha256.New, []byte(l.said.Secret))
	digest.Write([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(signature, digest.Sum(nil)) {
		return nil
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	found = &claims{}
	if err != nil || json.Unmarshal(body, found) != nil || found.Iss != l.said.Issuer || found.Aud != l.said.Audience {
		return nil
	}
	l.mutex.Lock()
	if len(l.kept) >= most {
		l.kept = map[string]*claims{}
	}
	l.kept[token] = found
	l.mutex.Unlock()
	return found
}

func (l *line) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	id := in.Header.Get("X-Request-Id")
	if id == "" {
		var random [16]byte
		_, _ = rand.Read(random[:])
		id = hex.EncodeToString(random[:])
		in.Header.Set("X-Request-Id", id)
	}
	out.Header().Set("X-Request-Id", id)
	found := (*claims)(nil)
	if token, is := strings.CutPrefix(in.Header.Get("Authorization"), "Bearer "); is {
		found = l.verify(token)
	}
	if found == nil || found.Exp <= time.Now().Unix() {
		http.Error(out, "401", http.StatusUnauthorized)
		return
	}
	if !strings.Contains(" "+found.Scope+" ", " "+l.said.Scope+" ") {
		http.Error(out, "403", http.StatusForbidden)
		return
	}
	in.Header.Set("X-Client", found.Sub)
	l.next.ServeHTTP(out, in)
}
