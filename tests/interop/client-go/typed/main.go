// Command typed does with client-go's typed clients and informers what programs do with them, and says what came out wrong.
//
// usage: typed -kubeconfig FILE STEP      with a step of the table in main; exit code 0 when all of it held
//
// Here: client-go with its defaults, so bodies in protobuf. Not here: elections that last; those are the elector's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/ptr"
)

const (
	namespace = "default"
	patience  = 60 * time.Second
)

type step func(ctx context.Context, client *kubernetes.Clientset) error

func lease(name, holder string) *coordinationv1.Lease {
	now := metav1.NewMicroTime(time.Now().Truncate(time.Microsecond))
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "typed"}, Annotations: map[string]string{"note": "é", "empty": ""}},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: ptr.To(holder), LeaseDurationSeconds: ptr.To[int32](15),
			AcquireTime: &now, RenewTime: &now, LeaseTransitions: ptr.To[int32](0)},
	}
}

// same is an error unless both are equal, times compared as times.
func same(what string, got, wanted any) error {
	if !reflect.DeepEqual(got, wanted) {
		return fmt.Errorf("%s is %v instead of %v", what, got, wanted)
	}
	return nil
}

func sameSpec(got, wanted coordinationv1.LeaseSpec) error {
	if got.RenewTime == nil || !got.RenewTime.Equal(wanted.RenewTime) || !got.AcquireTime.Equal(wanted.AcquireTime) {
		return fmt.Errorf("times are %v, %v instead of %v, %v", got.AcquireTime, got.RenewTime, wanted.AcquireTime, wanted.RenewTime)
	}
	return errors.Join(same("holder", *got.HolderIdentity, *wanted.HolderIdentity),
		same("duration", *got.LeaseDurationSeconds, *wanted.LeaseDurationSeconds),
		same("transitions", *got.LeaseTransitions, *wanted.LeaseTransitions))
}

func leases(ctx context.Context, client *kubernetes.Clientset) error {
	api := client.CoordinationV1().Leases(namespace)
	sent := lease("typed", "h")
	made, err := api.Create(ctx, sent, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if err := errors.Join(sameSpec(made.Spec, sent.Spec), same("labels", made.Labels, sent.Labels),
		same("annotations", made.Annotations, sent.Annotations)); err != nil {
		return err
	}
	if _, err = api.Create(ctx, sent, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("a second create: %v", err)
	}
	stale := made.DeepCopy()
	made.Spec.HolderIdentity, made.Spec.LeaseDurationSeconds = ptr.To(""), ptr.To[int32](1) // as a release
	updated, err := api.Update(ctx, made, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	got, err := api.Get(ctx, "typed", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := errors.Join(sameSpec(got.Spec, made.Spec), same("version", got.ResourceVersion, updated.ResourceVersion)); err != nil {
		return err
	}
	if _, err = api.Update(ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a stale update: %v", err)
	}
	patches := map[types.PatchType]string{
		types.MergePatchType:          `{"spec":{"holderIdentity":"merge"}}`,
		types.JSONPatchType:           `[{"op":"replace","path":"/spec/holderIdentity","value":"json"}]`,
		types.StrategicMergePatchType: `{"spec":{"holderIdentity":"strategic"}}`,
	}
	for kind, patch := range patches {
		patched, err := api.Patch(ctx, "typed", kind, []byte(patch), metav1.PatchOptions{})
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		got = patched
	}
	wrong := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: ptr.To(types.UID("another"))}}
	if err := api.Delete(ctx, "typed", wrong); !apierrors.IsConflict(err) {
		return fmt.Errorf("a delete of another uid: %v", err)
	}
	right := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &got.UID, ResourceVersion: &got.ResourceVersion},
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)}
	if err := api.Delete(ctx, "typed", right); err != nil {
		return err
	}
	if _, err = api.Get(ctx, "typed", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return fmt.Errorf("after the delete: %v", err)
	}
	return nil
}

func others(ctx context.Context, client *kubernetes.Clientset) error {
	core := client.CoreV1()
	sent := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "typed"}, Data: map[string]string{"k": "v", "empty": ""},
		BinaryData: map[string][]byte{"b": {0, 255, 254}}, Immutable: ptr.To(false)}
	made, err := core.ConfigMaps(namespace).Create(ctx, sent, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("configmap: %w", err)
	}
	if err := errors.Join(same("data", made.Data, sent.Data), same("binaryData", made.BinaryData, sent.BinaryData),
		same("immutable", made.Immutable, sent.Immutable)); err != nil {
		return err
	}
	if _, err := core.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "typed"}}, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	now := time.Now().Truncate(time.Second)
	about := corev1.ObjectReference{Kind: "ConfigMap", Namespace: namespace, Name: "typed", UID: made.UID}
	event := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "typed"}, InvolvedObject: about, Reason: "R", Message: "m", Type: "Normal", Count: 2,
		FirstTimestamp: metav1.NewTime(now), LastTimestamp: metav1.NewTime(now), Source: corev1.EventSource{Component: "typed"}}
	told, err := core.Events(namespace).Create(ctx, event, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	if !told.LastTimestamp.Equal(&event.LastTimestamp) || told.InvolvedObject != about || told.Count != 2 {
		return fmt.Errorf("event: %v", told)
	}
	newer := &eventsv1.Event{ObjectMeta: metav1.ObjectMeta{Name: "newer"}, EventTime: metav1.NewMicroTime(now), Action: "A", Reason: "R", Note: "n",
		Type: "Normal", ReportingController: "example.com/typed", ReportingInstance: "i", Regarding: about}
	if _, err := client.EventsV1().Events(namespace).Create(ctx, newer, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("newer event: %w", err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "typed"}}
	if _, err := core.Pods(namespace).Create(ctx, pod, metav1.CreateOptions{}); !apierrors.IsUnsupportedMediaType(err) {
		return fmt.Errorf("a Pod in protobuf is to be refused with 415, not: %v", err)
	}
	background := metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)}
	if err := core.Events(namespace).DeleteCollection(ctx, background, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("delete collection: %w", err)
	}
	return errors.Join(core.ConfigMaps(namespace).Delete(ctx, "typed", metav1.DeleteOptions{}), core.Namespaces().Delete(ctx, "typed", background))
}

func reviews(ctx context.Context, client *kubernetes.Clientset) error {
	ask := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "update", Group: "coordination.k8s.io", Resource: "leases"}}}
	answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, ask, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	rules := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	if rules, err = client.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, rules, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}); err != nil {
		return err
	}
	return errors.Join(same("allowed", answer.Status.Allowed, true), same("some rules", len(rules.Status.ResourceRules) > 0, true))
}

func pages(ctx context.Context, client *kubernetes.Clientset) error {
	api := client.CoordinationV1().Leases(namespace)
	var wanted, seen []string
	for i := range 7 {
		name := fmt.Sprintf("page-%d", i)
		wanted = append(wanted, name)
		if _, err := api.Create(ctx, lease(name, "h"), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	options := metav1.ListOptions{LabelSelector: "app=typed", Limit: 3}
	for {
		page, err := api.List(ctx, options)
		if err != nil {
			return err
		}
		for i := range page.Items {
			seen = append(seen, page.Items[i].Name)
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	return errors.Join(same("names", seen, wanted), api.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=typed"}))
}

func watches(ctx context.Context, client *kubernetes.Clientset) error {
	api := client.CoordinationV1().Leases(namespace)
	stream, err := api.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=watched"})
	if err != nil {
		return err
	}
	defer stream.Stop()
	made, err := api.Create(ctx, lease("watched", "a"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Spec.HolderIdentity = ptr.To("b")
	if _, err := api.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err := api.Delete(ctx, "watched", metav1.DeleteOptions{}); err != nil {
		return err
	}
	for _, wanted := range []watch.EventType{watch.Added, watch.Modified, watch.Deleted} {
		select {
		case event := <-stream.ResultChan():
			if event.Type != wanted {
				return fmt.Errorf("the watch told %v instead of %s", event, wanted)
			}
		case <-ctx.Done():
			return fmt.Errorf("the watch did not tell %s", wanted)
		}
	}
	return nil
}

func informer(ctx context.Context, client *kubernetes.Clientset) error {
	api := client.CoordinationV1().Leases(namespace)
	if _, err := api.Create(ctx, lease("before", "a"), metav1.CreateOptions{}); err != nil {
		return err
	}
	told := make(chan string, 16)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	of := factory.Coordination().V1().Leases()
	name := func(object any) string { return object.(metav1.Object).GetName() }
	if _, err := of.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { told <- "add " + name(object) },
		UpdateFunc: func(_, object any) { told <- "update " + name(object) },
		DeleteFunc: func(object any) { told <- "delete " + name(object) },
	}); err != nil {
		return err
	}
	factory.StartWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), of.Informer().HasSynced) {
		return errors.New("the informer did not synchronise")
	}
	made, err := api.Create(ctx, lease("later", "a"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Spec.HolderIdentity = ptr.To("b")
	if _, err := api.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err := errors.Join(api.Delete(ctx, "later", metav1.DeleteOptions{}), api.Delete(ctx, "before", metav1.DeleteOptions{})); err != nil {
		return err
	}
	for _, wanted := range []string{"add before", "add later", "update later", "delete later", "delete before"} {
		select {
		case got := <-told:
			if got != wanted {
				return fmt.Errorf("the informer told %q instead of %q", got, wanted)
			}
		case <-ctx.Done():
			return fmt.Errorf("the informer did not tell %q", wanted)
		}
	}
	return nil
}

// One candidate leads and gives the Lease back; then another does.
func election(ctx context.Context, client *kubernetes.Clientset) error {
	for _, identity := range []string{"a", "b"} {
		term, cancel := context.WithCancel(ctx)
		leaderelection.RunOrDie(term, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Namespace: namespace, Name: "elected"},
				Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: identity}},
			LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { cancel() },
				OnStoppedLeading: func() {},
			},
		})
		cancel()
		got, err := client.CoordinationV1().Leases(namespace).Get(ctx, "elected", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := same("holder after the release", *got.Spec.HolderIdentity, ""); err != nil {
			return err
		}
		transitions := map[string]int32{"a": 0, "b": 1}[identity]
		if err := same("transitions", *got.Spec.LeaseTransitions, transitions); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	steps := map[string]step{"leases": leases, "others": others, "reviews": reviews, "pages": pages, "watches": watches, "informer": informer,
		"election": election}
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig `file`")
	flag.Parse()
	err := errors.New("one step is needed: leases, others, reviews, pages, watches, informer or election")
	if do := steps[flag.Arg(0)]; do != nil && flag.NArg() == 1 {
		err = run(*kubeconfig, do)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "typed:", err)
		os.Exit(1)
	}
}

func run(kubeconfig string, do step) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return do(ctx, client)
}
