package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// attempts is how often a transfer is tried in all. firstPause lies between the first two and
// doubles after that; a variable for the tests.
const attempts = 4

var firstPause = 300 * time.Millisecond

// stall is how long a transfer may bring nothing before it is given up.
const stall = 60 * time.Second

// A statusError is an answer other than 200.
type statusError struct {
	url    string
	status int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the mirror answered %d %s for %s", e.status, http.StatusText(e.status), e.url)
}

// origin is an archive to fetch from: its root, without a trailing slash.
type origin struct {
	root   string
	client *http.Client
	pinned time.Time // when the index was fetched that packages are taken from
}

func newClient(p Proxy) *http.Client {
	t := &http.Transport{
		Proxy:                 p.For,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		IdleConnTimeout:       10 * time.Second,
		MaxIdleConnsPerHost:   parallel,
		DisableCompression:    true, // what is fetched is compressed, and its size is promised as it is sent
	}
	t.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	return &http.Client{Transport: t}
}

// address is the URL of a file below the archive's root. A plus is escaped, as apt does: some
// servers take it for a space.
func (o *origin) address(name string) string {
	return o.root + "/" + strings.ReplaceAll(name, "+", "%2B")
}

// get writes the file name to w, and tells moved about each piece. It tries once.
func (o *origin) get(ctx context.Context, name string, w io.Writer, moved func(n int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(stall, func() {
		cancel(fmt.Errorf("nothing came for %v", stall))
	})
	defer watchdog.Stop()
	addr := o.address(name)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, addr, nil)
	if err != nil {
		return fmt.Errorf("fetching %s: %w; correct the mirror with --mirror URL", name, errors.Unwrap(err))
	}
	shown := req.URL.Redacted()
	req.Header.Set("User-Agent", "xtest")
	resp, err := o.client.Do(req)
	if err != nil {
		return o.explain(ctx, shown, err)
	}
	defer resp.Body.Close() // a body that was read to its end or is given up
	if resp.StatusCode != http.StatusOK {
		return &statusError{shown, resp.StatusCode}
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			watchdog.Reset(stall)
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			moved(n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return o.explain(ctx, shown, err)
		}
	}
}

// A brokenError is a failed connection; another try may help.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

func (o *origin) explain(ctx context.Context, shown string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text repeats the URL
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
		if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
			return fmt.Errorf("fetching %s: %w", shown, err)
		}
	}
	return &brokenError{fmt.Errorf("fetching %s: %w; check the network and the proxy settings, or name another mirror with --mirror URL", shown, err)}
}

// retry calls try again while its error may pass: a broken connection, or the server's own fault.
func retry(ctx context.Context, try func() error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := try()
		var status *statusError
		var broken *brokenError
		passing := errors.As(err, &broken) || errors.As(err, &status) && (status.status >= 500 || status.status == http.StatusTooManyRequests)
		if err == nil || !passing {
			return err
		}
		if n == attempts {
			return fmt.Errorf("tried %d times: %w", n, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(pause):
			pause *= 2
		}
	}
}
