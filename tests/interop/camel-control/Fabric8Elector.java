import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.ConfigMapLock;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;

/**
 * A candidate of fabric8's own elector: says "leads" when it does, releases on TERM, stands again after a loss.
 *
 * <pre>Fabric8Elector lease|configmap IDENTITY [NAME LEASE_MS DEADLINE_MS RETRY_MS STAMPER STAMPS]</pre>
 *
 * With a STAMPER, that worker runs while it believes that it leads.
 */
public final class Fabric8Elector {
    private static final String NAMESPACE = "default";

    private static Process worker;
    private static boolean ending;

    private Fabric8Elector() {
    }

    public static void main(String[] arguments) {
        boolean full = arguments.length == 8;
        String name = full ? arguments[2] : "lock";
        Duration lease = Duration.ofMillis(full ? Long.parseLong(arguments[3]) : 3000);
        Duration deadline = Duration.ofMillis(full ? Long.parseLong(arguments[4]) : 2000);
        Duration retry = Duration.ofMillis(full ? Long.parseLong(arguments[5]) : 500);
        String[] command = full ? new String[] { arguments[6], arguments[7] } : null;
        Lock lock = arguments[0].equals("lease") ? new LeaseLock(NAMESPACE, name, arguments[1]) : new ConfigMapLock(NAMESPACE, name, arguments[1]);
        try (KubernetesClient client = new KubernetesClientBuilder().build()) {
            do {
                CompletableFuture<?> election = client.leaderElector().withConfig(new LeaderElectionConfigBuilder().withName("reports").withLock(lock)
                        .withLeaseDuration(lease).withRenewDeadline(deadline).withRetryPeriod(retry).withReleaseOnCancel(full)
                        .withLeaderCallbacks(new LeaderCallbacks(() -> begin(command), Fabric8Elector::end, leader -> { })).build()).build().start();
                if (full)
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> give(election)));
                try {
                    election.join();
                } catch (CompletionException lost) {
                    System.err.println(lost);
                }
            } while (full);
        }
    }

    private static synchronized void begin(String[] command) {
        say("leads");
        if (command == null || ending)
            return;
        try {
            worker = new ProcessBuilder(command).inheritIO().start();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static synchronized void end() {
        say("stops");
        if (worker != null)
            worker.destroyForcibly().onExit().join();
        worker = null;
    }

    /** On TERM: the work first, then the lock. */
    private static void give(CompletableFuture<?> election) {
        synchronized (Fabric8Elector.class) {
            ending = true;
        }
        end();
        election.cancel(true);
        try {
            Thread.sleep(500); // the release is on its way
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private static void say(String word) {
        System.out.println(word);
        System.out.flush();
    }
}
