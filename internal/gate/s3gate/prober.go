package s3gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/safetext"
)

type prober struct {
	spec  *Spec
	env   probe.Env
	key   string
	creds *credentials.Credentials
	mask  func(string) string
}

// fromEnvironment reports that a platform gives out credentials here.
func fromEnvironment() bool {
	return slices.ContainsFunc([]string{"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		func(name string) bool { return os.Getenv(name) != "" })
}

const content = "e2e-gate probe, may be deleted\n"

// cleanUp bounds the upload of the gate's object, and then its deletion, after the run has
// ended or the probe's time is up.
const cleanUp = time.Second

// Probe tries each permission once.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.look(ctx)
	o.Observed, o.Reason = p.mask(o.Observed), p.mask(o.Reason)
	return o
}

func (p *prober) look(ctx context.Context) probe.Observation {
	config, fault := p.spec.TLS.Config(p.env.Root)
	if fault != nil {
		return *fault
	}
	transport := httpgate.Transport(config, p.env.Base)
	defer transport.CloseIdleConnections()
	w := &witness{RoundTripper: transport}
	client, err := p.client(w)
	if err != nil {
		return probe.Broken("the client cannot be created", "endpoint, bucket or region cannot be used; correct them in the config")
	}
	value, err := p.creds.GetWithContext(&credentials.CredContext{Client: &http.Client{Transport: transport, Timeout: p.spec.ProbeTimeout()},
		Endpoint: p.spec.endpoint()})
	if err != nil || value.AccessKeyID == "" {
		return probe.Never(wordCredentials, "no credentials found",
			"there are no credentials in the config or the environment; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access_key and secret_key")
	}
	return p.try(ctx, client, w)
}

// witness keeps the first error of a connection: the library tries again and then
// tells of the time that is up.
type witness struct {
	http.RoundTripper
	probe.Witness
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	w.Note(err)
	return resp, err
}

func (p *prober) client(transport http.RoundTripper) (*minio.Client, error) {
	u, err := url.Parse(p.spec.endpoint())
	if err != nil {
		return nil, fmt.Errorf("read endpoint: %w", err)
	}
	lookup := minio.BucketLookupAuto
	if p.spec.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(u.Host, &minio.Options{Creds: p.creds, Secure: u.Scheme == "https", Region: p.spec.region(), BucketLookup: lookup,
		Transport: transport, MaxRetries: 1})
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return client, nil
}

// verdict is the result for one permission.
type verdict struct {
	verb string
	code string // of a denial; empty: allowed
}

// try makes a request for each permission. It goes on after a denial, so that one
// message names all that are denied.
func (p *prober) try(ctx context.Context, client *minio.Client, w *witness) probe.Observation {
	steps := map[string]func(context.Context, *minio.Client) error{"put": p.put, "get": p.get, "list": p.list, "delete": p.delete}
	var found []verdict
	stored := false
	for _, verb := range verbs {
		if !p.spec.needs(verb) || verb == "get" && p.spec.needs("put") && !stored && p.spec.Key == "" {
			continue
		}
		if verb == "put" {
			// Delete it in any case: an upload that seems to have failed may have been
			// stored.
			defer p.remove(ctx, client)
		}
		err := steps[verb](ctx, client)
		if verb == "put" {
			stored = err == nil
		}
		code, denied := denial(err)
		if err != nil && !denied {
			return p.fault(verb, err, w.Err())
		}
		found = append(found, verdict{verb, code})
	}
	return p.judge(found)
}

// put is not aborted at once when the run ends: if the gate does not wait for the
// answer, the store may create the object after the gate has deleted it.
func (p *prober) put(ctx context.Context, c *minio.Client) error {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		var done context.CancelFunc
		patient, done = context.WithDeadline(patient, deadline)
		defer done()
	}
	defer context.AfterFunc(ctx, func() { time.AfterFunc(cleanUp, cancel) })()
	_, err := c.PutObject(patient, p.spec.Bucket, p.key, strings.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{ContentType: "text/plain", DisableMultipart: true})
	return err
}

var errContent = errors.New("different content")

func (p *prober) get(ctx context.Context, c *minio.Client) error {
	key := p.key
	if p.spec.Key != "" {
		key = p.spec.Key
	}
	object, err := c.GetObject(ctx, p.spec.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	got, err := io.ReadAll(io.LimitReader(object, int64(len(content))))
	if err == nil && p.spec.Key == "" && !bytes.Equal(got, []byte(content)) {
		return errContent
	}
	return err
}

func (p *prober) list(ctx context.Context, c *minio.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	prefix := strings.TrimSuffix(p.key, p.key[strings.LastIndex(p.key, "/"):])
	for object := range c.ListObjects(ctx, p.spec.Bucket, minio.ListObjectsOptions{Prefix: prefix + "/", MaxKeys: 1}) {
		return object.Err
	}
	return nil
}

func (p *prober) delete(ctx context.Context, c *minio.Client) error {
	return c.RemoveObject(ctx, p.spec.Bucket, p.key, minio.RemoveObjectOptions{})
}

// remove deletes the gate's object, even if the probe ended early. It is not an error
// if the object is gone already.
func (p *prober) remove(ctx context.Context, c *minio.Client) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	_ = p.delete(ctx, c)
}

// denial reports an answer that is about a permission.
func denial(err error) (code string, ok bool) {
	var said minio.ErrorResponse
	if !errors.As(err, &said) {
		return "", false
	}
	switch said.Code {
	case "AccessDenied", "Forbidden", "AllAccessDisabled", "UnauthorizedAccess", "MethodNotAllowed":
		return safetext.Plain(said.Code, probe.MaxQuote), true
	}
	return "", false
}

// actions are the permissions as AWS calls them.
var actions = map[string]string{"put": "s3:PutObject", "get": "s3:GetObject", "list": "s3:ListBucket", "delete": "s3:DeleteObject"}

func (p *prober) judge(found []verdict) probe.Observation {
	var words, lacking []string
	for _, v := range found {
		if v.code == "" {
			words = append(words, v.verb+" allowed")
			continue
		}
		words = append(words, fmt.Sprintf("%s denied (%s)", v.verb, v.code))
		lacking = append(lacking, actions[v.verb])
	}
	text := strings.Join(words, ", ")
	if len(lacking) == 0 {
		return probe.Healthy(text)
	}
	return probe.Never(wordDenied, text, fmt.Sprintf("the credentials lack %s on bucket %s; grant it, or add denied to retry_on if a deployment grants it",
		strings.Join(lacking, ", "), p.where()))
}

func (p *prober) where() string {
	if prefix := strings.Trim(p.spec.Prefix, "/"); prefix != "" {
		return p.spec.Bucket + " under " + prefix + "/"
	}
	return p.spec.Bucket
}

// neverCodes are answers of a store that will keep refusing: permanent failures.
var neverCodes = map[string]struct{ word, why string }{
	"NoSuchBucket":                 {wordBucket, "the bucket does not exist; correct its name, endpoint or region, or create it"},
	"NoSuchKey":                    {wordKey, "the object does not exist; correct key"},
	"InvalidAccessKeyId":           {wordCredentials, "the store does not know the access key; correct the credentials"},
	"XAdminUserNotFound":           {wordCredentials, "the store does not know the access key; correct the credentials"},
	"SignatureDoesNotMatch":        {wordCredentials, "the secret key is wrong; correct the credentials"},
	"ExpiredToken":                 {wordCredentials, "the credentials have expired; get new ones"},
	"InvalidToken":                 {wordCredentials, "the session token is wrong; correct the credentials"},
	"PermanentRedirect":            {wordRegion, "the bucket is in another region; set region"},
	"AuthorizationHeaderMalformed": {wordRegion, "the region is not the bucket's; set region"},
	"IllegalLocationConstraint":    {wordRegion, "the bucket is in another region; set region"},
	"RequestTimeTooSkewed":         {wordClock, "the clocks of this machine and the store differ too much; set this machine's clock"},
}

func (p *prober) fault(verb string, err, connection error) probe.Observation {
	var said minio.ErrorResponse
	if !errors.As(err, &said) {
		if errors.Is(err, errContent) {
			return probe.NotYet("get returns different content", "the store does not return what was put; look at the store")
		}
		if connection != nil {
			err = connection
		}
		if o, ok := trust.Fault(err); ok {
			return o
		}
		return probe.NetFault(err, p.spec.ProbeTimeout())
	}
	text := safetext.Plain(fmt.Sprintf("%s: %s", verb, said.Code), probe.MaxQuote)
	if said.RequestID != "" {
		text += safetext.Plain(", request "+said.RequestID, probe.MaxQuote)
	}
	if c, ok := neverCodes[said.Code]; ok {
		o := probe.Never(c.word, text, c.why+", or add "+c.word+" to retry_on")
		o.Key = verb + said.Code
		return o
	}
	o := probe.NotYet(text, "the store answers with an error; wait, or look at its log")
	o.Key = verb + said.Code
	return o
}
