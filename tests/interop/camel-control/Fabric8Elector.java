import java.time.Duration;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.ConfigMapLock;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;

/**
 * A candidate of fabric8's own elector: says "leads" when it does.
 *
 * <pre>Fabric8Elector lease|configmap IDENTITY</pre>
 */
public final class Fabric8Elector {
    private static final String NAMESPACE = "default";
    private static final String NAME = "lock";

    private Fabric8Elector() {
    }

    public static void main(String[] arguments) {
        Lock lock = arguments[0].equals("lease") ? new LeaseLock(NAMESPACE, NAME, arguments[1]) : new ConfigMapLock(NAMESPACE, NAME, arguments[1]);
        try (KubernetesClient client = new KubernetesClientBuilder().build()) {
            client.leaderElector().withConfig(new LeaderElectionConfigBuilder().withName("reports").withLock(lock)
                    .withLeaseDuration(Duration.ofSeconds(3)).withRenewDeadline(Duration.ofSeconds(2)).withRetryPeriod(Duration.ofMillis(500))
                    .withLeaderCallbacks(new LeaderCallbacks(() -> say("leads"), () -> say("stops"), leader -> { })).build()).build().run();
        }
    }

    private static void say(String word) {
        System.out.println(word);
        System.out.flush();
    }
}
