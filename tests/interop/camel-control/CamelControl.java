import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

import org.apache.camel.cluster.CamelClusterEventListener;
import org.apache.camel.cluster.CamelClusterMember;
import org.apache.camel.cluster.CamelClusterView;
import org.apache.camel.component.kubernetes.cluster.KubernetesClusterService;
import org.apache.camel.component.kubernetes.cluster.LeaseResourceType;
import org.apache.camel.impl.DefaultCamelContext;

/**
 * A candidate of released Camel, with nothing but its cluster service: one JSON line for each change of leadership, until TERM.
 *
 * <pre>CamelControl URL ConfigMap|Lease NAMESPACE RESOURCE GROUP POD</pre>
 *
 * A lease takes 3 s here. The member must have a Pod, labelled app=control, that is running and ready: Camel's holder is valid as long.
 */
public final class CamelControl {
    private static final long LEASE_MS = 3000;
    private static final long DEADLINE_MS = 2000;
    private static final long RETRY_MS = 500;

    private CamelControl() {
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 6) {
            System.err.println("usage: CamelControl URL ConfigMap|Lease NAMESPACE RESOURCE GROUP POD");
            System.exit(2);
        }
        String group = arguments[4];
        String pod = arguments[5];

        KubernetesClusterService service = new KubernetesClusterService();
        service.setMasterUrl(arguments[0]);
        service.setLeaseResourceType(LeaseResourceType.valueOf(arguments[1]));
        service.setKubernetesResourcesNamespace(arguments[2]);
        service.setKubernetesResourceName(arguments[3]);
        service.setPodName(pod);
        service.setClusterLabels(Map.of("app", "control"));
        service.setLeaseDurationMillis(LEASE_MS);
        service.setRenewDeadlineMillis(DEADLINE_MS);
        service.setRetryPeriodMillis(RETRY_MS);

        DefaultCamelContext context = new DefaultCamelContext();
        context.addService(service);
        context.start();
        CamelClusterView view = service.getView(group);
        view.addEventListener((CamelClusterEventListener.Leadership) (changed, leader) -> say(System.out, group, pod, leader));
        Runtime.getRuntime().addShutdownHook(new Thread(context::stop));
        new CountDownLatch(1).await();
    }

    private static void say(PrintStream out, String group, String pod, CamelClusterMember leader) {
        String id = leader == null ? "null" : "\"" + leader.getId() + "\"";
        out.println("{\"event\": \"new_leader\", \"group\": \"" + group + "\", \"identity\": \"" + pod + "\", \"holder\": " + id + "}");
        out.flush();
    }
}
